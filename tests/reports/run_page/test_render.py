"""gameday_reports.run_page.render: one self-contained page, the same bytes each time, nothing from outside unescaped."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gameday_reports.charts import palette
from gameday_reports.run_page.render import render, render_run
from gameday_reports.run_page.run_data import read
from tests.support import sample_run
from tests.support.html_page import HOSTILE, SHOWN, Page, rendered
from tests.support.nonempty_all import nonempty_all
from tests.support.sample_outcome import CLOCKS, REQUIRED

BUILDERS = (sample_run.bad_deploy, sample_run.never_recovered, sample_run.no_effect, sample_run.inconclusive)
WRITTEN = (
    "in every region",
    "gets it at once.",
    "within thirty.",
    "Checkout on-call",
    "#checkout-oncall",
    "pricing-rollback",
    "Every expectation held.",
    "raises an error",
    "winter sale",
    "Backend engineer",
    "senior",
    "large-2",
    "tiers a table",
    "Pricing lead",
    "6 of 14 requests failed",
    "ttd < 5s",
    "--seed 7",
    "build-7",
    "no Docker engine answers",
    " unchanged",
)
"""The ends of texts of the sample run that people write; each is shown with HOSTILE behind it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_run.bad_deploy(tmp_path_factory.mktemp("render") / "run")


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return rendered(folder)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    return rendered(
        sample_run.bad_deploy(tmp_path_factory.mktemp("hostile") / "run", lambda text: text + HOSTILE)
    )


def test_the_same_folder_gives_the_same_bytes(folder: Path, html: str) -> None:
    """Again in this process, and in a new one."""
    assert rendered(folder) == html
    code = "import sys, pathlib; from gameday_reports.run_page.render import render_run; render_run(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=100)
    assert (folder / "report.html").read_text(encoding="utf-8") == html


def test_the_page_is_small(html: str) -> None:
    """Under 1.5 MB."""
    assert len(html.encode()) < 1_500_000


@pytest.mark.parametrize("build", BUILDERS)
def test_the_page_fetches_nothing(build: Callable[[Path], Path], tmp_path: Path) -> None:
    """No address but in plain links; none in styles; a content security policy allows only the page's own script."""
    html = rendered(build(tmp_path / "run"))
    page = Page(html)
    assert not page.open
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "data", "poster", "xlink:href", "action"):
            assert name not in attributes, f"<{tag} {name}>"
        if "href" in attributes:
            assert tag == "a" or attributes["href"] == "data:,"
        assert not re.search(r"url\((?!#)", attributes.get("style") or "")
    assert not re.search(r"@import|url\(", page.text("style"))
    (script,) = [data for tag, data in page.texts if tag == "script" and "use strict" in data]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_hostile_text_stays_text(hostile: str) -> None:
    """In every field that people write, markup is shown and never becomes part of the page."""
    page = Page(hostile)
    assert not page.open
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    shown = page.text()
    for field in WRITTEN:
        assert field + SHOWN in shown, field


def test_hostile_names_stay_text_in_charts_and_numbers(tmp_path: Path) -> None:
    """Names that reach drawings (clocks, journeys, regions) and the embedded numbers are escaped there too.

    The outcome's model fixes the names of clocks, so the hostile one can't come from a file.
    """
    folder = sample_run.bad_deploy(tmp_path / "run")
    names = folder / "samples" / "worker-0.names"
    names.write_text(
        names.read_text()
        .replace('"buy"', json.dumps("buy" + HOSTILE))
        .replace('"eu-west"', json.dumps(HOSTILE))
    )
    run = read(folder)
    vars(run)["clocks"] = {**run.clocks, HOSTILE: 30.0}
    page = Page(render(run))
    assert not page.open
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert HOSTILE.strip() in page.text("text")
    (numbers,) = [data for tag, data in page.texts if tag == "script" and data.startswith("{")]
    assert "<" not in numbers
    assert json.loads(numbers)["clocks"][HOSTILE] == 30.0


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://runbooks.example.com/x?a=1&b=2", True),
        ("javascript:alert(1)", False),
        ("javascript://example.com/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("//x.example", False),
    ],
)
def test_only_plain_addresses_become_links(address: str, linked: bool, tmp_path: Path) -> None:
    """A runbook is a link only where it is http or https; else it is shown as text."""
    folder = sample_run.inconclusive(tmp_path / "run")
    (folder / "scenario.yaml").write_text(f"title: x\nrunbook: {json.dumps(address)}\n")
    page = Page(rendered(folder))
    assert [link["href"] for link in page.all("a")] == ([address] if linked else [])
    assert address in page.text()


def test_every_clock_that_is_set_is_marked_in_every_chart(html: str) -> None:
    """A line for each clock in each chart; its name in each chart that has labels, and in the strip."""
    drawings = re.findall(r'<svg [^>]*class="chart.*?</svg>', html, re.DOTALL)
    assert len(drawings) >= 20
    for drawing in drawings:
        lines = re.search(r'<g class="mark-rule role-mark clocks_marks">(.*?)</g>', drawing, re.DOTALL)
        assert lines is not None
        assert lines[1].count("<line") == len(CLOCKS)
    labelled = [drawing for drawing in drawings if "labelsleft_marks" in drawing]
    assert len(labelled) == 10
    for drawing in labelled:
        words = set(re.sub(r"<[^>]*>", " ", drawing).split())
        assert words >= set(CLOCKS)
    strip = html[html.index('class="steps"') : html.index('class="spans"')]
    assert re.findall(r"<b>(\w+)</b>", strip) == sorted(CLOCKS, key=lambda name: CLOCKS[name])


def test_ids_are_unique(html: str) -> None:
    """No two elements of the page share an id, drawings included."""
    ids = [attributes["id"] for _, attributes in Page(html).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_an_outcome_of_nulls_is_said_in_words(tmp_path: Path) -> None:
    """Every key null, no samples, no journal: the page stands, and no figure is empty or a dash."""
    page = Page(rendered(sample_run.inconclusive(tmp_path / "run")))
    shown = page.text()
    assert "Inconclusive" in shown
    assert "The steady state was not met." in shown
    assert shown.count("not measured") >= 6
    assert "None" not in shown
    said = page.text("strong", "dd", "td").split()
    assert not {"-", "–", "—", "null", "nan"} & set(said)


def test_an_outcome_of_the_required_keys_alone_has_a_page(tmp_path: Path) -> None:
    """A run without journal, samples and scenario has a page if its outcome has what the model requires."""
    (tmp_path / "outcome.json").write_text(json.dumps(REQUIRED))
    assert "Inconclusive" in Page(rendered(tmp_path)).text()


def test_an_outcome_of_an_older_version_has_a_page(tmp_path: Path) -> None:
    """Keys that gameday 0.1.0 didn't write yet are unknown: the page has the run's figures, and no guess at its system."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    outcome = json.loads((folder / "outcome.json").read_text())
    for key in ("system", "detection", "quiet", "error_s", "spacing_s", "customer_reports", "lag_p95_s"):
        del outcome[key]
    (folder / "outcome.json").write_text(json.dumps(outcome))
    shown = Page(rendered(folder)).text()
    assert "5.32 s" in shown
    assert "Replication" not in shown


def test_a_run_without_outcome_has_no_page(tmp_path: Path) -> None:
    """A missing outcome.json is an OSError, one that isn't an outcome a ValueError; nothing is written."""
    with pytest.raises(OSError, match=r"outcome\.json"):
        render_run(tmp_path)
    for content in ("[]", "{}", "{"):
        (tmp_path / "outcome.json").write_text(content)
        with pytest.raises(ValueError, match=r"gameday/outcome/v1|Expecting property name"):
            render_run(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_recovery_that_never_came_is_said(tmp_path: Path) -> None:
    """'never', with how long it was watched."""
    page = Page(rendered(sample_run.never_recovered(tmp_path / "run")))
    assert "censored after 33.69 s" in page.text()
    assert page.text("strong").count("never") == 2


def test_a_run_that_was_stopped_says_so(tmp_path: Path) -> None:
    """At the top, with the condition as text, and when."""
    folder = sample_run.never_recovered(tmp_path / "run")
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    outcome["stopped"] = {"t": 24.1, "expr": "impact.failed > 9 && <b>", "values": {"impact.failed": 12.0}}
    outcome["ended_by"] = "cleanup"
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    text = Page(rendered(folder)).text()
    assert "The run was stopped at 24.10 s: its abort condition “impact.failed > 9 && <b>” held." in text
    assert "stopped" not in Page(rendered(sample_run.never_recovered(tmp_path / "other"))).text()


def test_the_page_can_be_read_aloud(html: str) -> None:
    """One main heading, no level skipped, a language, names on drawings and scroll boxes, scopes on table headings."""
    page = Page(html)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert nonempty_all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.all("html")[0]["lang"] == "en"
    assert len(levels) > 1
    assert page.all("svg")
    assert nonempty_all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))
    assert page.all("th")
    assert nonempty_all(th.get("scope") for th in page.all("th"))
    assert any(box.get("role") == "region" for _, box in page.elements)
    assert nonempty_all(box.get("aria-label") for _, box in page.elements if box.get("role") == "region")


def test_the_colours_of_charts_can_be_swapped() -> None:
    """The dark theme replaces by value, so no two light colours may be the same."""
    lights = [colour.light for colour in palette.COLOURS.values()]
    assert len(set(lights)) == len(lights)


def test_a_run_without_an_effect_says_what_quiet_time_is_worth(tmp_path: Path) -> None:
    """As its main finding: among the large figures, in the summary and its Markdown, and with every detector."""
    page = Page(rendered(sample_run.no_effect(tmp_path / "run")))
    sentence = (
        "No page in 44.10 s of quiet time, which bounds false pages at 245 an hour and no lower (95 %)."
    )
    assert page.text().count(sentence) == 3
    assert page.text("strong").startswith("no effect0245 an hour")
    assert "No limit is known" in page.text()


def test_a_run_with_a_page_holds_it_against_the_limit(html: str) -> None:
    """In the figure of TTD, in the summary, and with p0 and both ends of the limit."""
    shown = Page(html).text()
    assert "1.1 s ± 0.3 s" in shown
    assert "TTD, first effect to first page: 1.8× the limit" in shown
    assert (
        "The first page was raised 1.08 s after the first failure (TTD, 1.8× the limit of detection)" in shown
    )
    assert "which bounds it at 0.93 % (95 %). Were it that, the limit would be 0.93 s." in shown


def test_a_good_change_is_no_fault(tmp_path: Path) -> None:
    """A run whose timeline only deploys tells of the deploy."""
    folder = sample_run.no_effect(tmp_path / "run")
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"fault.' not in line), encoding="utf-8")
    assert "The deploy of catalog-1.1.0 began at 14.20 s into the run." in Page(rendered(folder)).text()
