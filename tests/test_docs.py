"""The documents' promises: linked files exist, and names and commands are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gameday.analysis.expressions.vocabulary import KNOWN, LIVE
from gameday.cli import COMMANDS
from gameday.detect import KINDS
from gameday.execution import library
from gameday.run.timeouts import TIMEOUTS
from gameday.scenario import Scenario
from tests.support.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """A link or image without a host names an existing file or folder of this tree."""
    links = [
        link
        for link in LINK.findall(document.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:|#", link)
    ]
    assert [link for link in links if not (document.parent / link.partition("#")[0]).exists()] == []


def spellings(name: str, known: object) -> list[str]:
    """Return how docs/scenario.md spells the names: the first of a group in full, the others from
    their dot on."""
    inner = known.get("*", known) if isinstance(known, dict) else {}
    return [f"`{name}", *(f".{suffix}`" for suffix in inner)]


@pytest.mark.parametrize("name", KNOWN)
def test_every_name_of_expectations_is_documented(name: str) -> None:
    """docs/scenario.md lists all names that an expectation can use."""
    text = (ROOT / "docs/scenario.md").read_text(encoding="utf-8").partition("## Expectations")[2]
    assert [spelt for spelt in spellings(name, KNOWN[name]) if spelt not in text] == []


@pytest.mark.parametrize("name", LIVE)
def test_every_name_of_abort_conditions_is_documented(name: str) -> None:
    """docs/scenario.md lists all names that an abort condition can use."""
    text = (ROOT / "docs/scenario.md").read_text(encoding="utf-8").partition("## Abort conditions")[2]
    assert re.search(rf"`{name}\b", text)


def test_every_limit_is_documented_as_it_is() -> None:
    """docs/safety.md has a row for each limit, with its seconds."""
    text = (
        (ROOT / "docs/safety.md")
        .read_text(encoding="utf-8")
        .partition("## Time limits")[2]
        .partition("\n## ")[0]
    )
    rows = {row.split("|")[1].strip(): row for row in text.splitlines() if row.startswith("| ")}
    named = {
        "bring-up": TIMEOUTS.up,
        "start of the load": TIMEOUTS.load,
        "steady state": TIMEOUTS.steady,
        "load stopped": TIMEOUTS.stop_load,
        "telemetry stopped": TIMEOUTS.stop_telemetry,
        "faults reverted": TIMEOUTS.revert,
        "orders collected": TIMEOUTS.audit,
        "system taken down": TIMEOUTS.take_down,
        "the end as a whole": TIMEOUTS.close,
        "the runner's loop, once round": TIMEOUTS.turn,
    }
    assert [name for name, limit in named.items() if f" {limit:g} s" not in rows[name]] == []


def test_every_key_of_a_scenario_is_documented() -> None:
    """docs/scenario.md has each key of the file's top level."""
    text = (ROOT / "docs/scenario.md").read_text(encoding="utf-8").partition("## Verdict")[0]
    keys = [field.alias or name for name, field in Scenario.model_fields.items()]
    assert [key for key in keys if not re.search(rf"`{key}\b", text)] == []


def test_every_detector_is_documented_with_its_parameters() -> None:
    """docs/detectors.md has a row for each detector, with its parameters or the detector that it
    shares them with."""
    lines = (ROOT / "docs/detectors.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    assert set(rows) == {*KINDS, "scrape"}
    for name, kind in KINDS.items():
        like = rows["cusum"] if "as `cusum`" in rows[name] else ""
        named = re.findall(r"`(\w+)", rows[name] + like)
        fields = {field.alias or name for name, field in kind.parameters.model_fields.items()}
        assert fields <= set(named), name


def test_the_readme_names_commands_and_scenarios_that_exist() -> None:
    """Every `gameday …` of the README is a command, and its scenario is in the library."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = re.findall(r"gameday (\w+)(?: ([a-z-]+))?[ `\n]", text)
    assert {command for command, _ in used} <= set(COMMANDS) | {"COMMAND"}
    assert {name for command, name in used if command in ("run", "show") and name} <= set(library.paths())
    assert len(used) > 8


def test_the_changelog_names_every_scenario() -> None:
    """The changelog has every scenario of the library."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in library.paths() if f"`{name}`" not in text] == []
