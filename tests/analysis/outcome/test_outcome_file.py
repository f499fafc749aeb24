"""Tests of the written outcome: its schema, its bytes, and interrupted runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gameday.analysis import write_outcome
from gameday.analysis.model.outcome_model import Outcome
from tests.support.measured import measure, outcome_schema
from tests.support.paths import DOCS
from tests.support.run_folders import Story, failing, steadily, write

SCHEMA = DOCS / "outcome.schema.json"


def stories() -> dict[str, Story]:
    well = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    return {
        "recovered": well.add(30.0, "lag", p95_s=0.04).finish(),
        "lost": Story().begin().deploy(18.0, 19.0).page(21.0).finish(reason="give_up"),
        "good": Story().begin().deploy(18.0, 19.0, fault=False).finish(reason="no_effect"),
        "unsteady": Story().begin(met=False, why="x").finish(15.0, "unsteady"),
        "cut short": Story().begin().deploy(18.0, 19.0),
        "never up": Story()
        .add(0.0, "run.started", "r")
        .add(1.0, "run.error", where="up", why="x")
        .finish(1.0, "error"),
        "empty": Story(),
    }


@pytest.mark.parametrize("name", list(stories()))
@pytest.mark.parametrize("sampled", [True, False])
def test_every_outcome_validates(tmp_path: Path, name: str, sampled: bool) -> None:
    """Any run, with samples or without, gives all keys with their types, and no NaN or infinity."""
    requests = failing(steadily(), 20.0, 30.0) if sampled else []
    write_outcome(write(tmp_path / "run", stories()[name], requests, expect=["ttr < 30s", "audit.lost == 0"]))
    outcome = json.loads(
        (tmp_path / "run" / "outcome.json").read_text(encoding="utf-8"), parse_constant=pytest.fail
    )
    jsonschema.Draft202012Validator(outcome_schema()).validate(outcome)


def test_the_schema_is_strict_on_what_is_fixed(tmp_path: Path) -> None:
    """The schema rejects a missing key and a wrong type."""
    outcome = measure(write(tmp_path / "run", stories()["recovered"], steadily()))
    validator = jsonschema.Draft202012Validator(outcome_schema())
    for broken in ({**outcome, "verdict": "maybe"}, {k: v for k, v in outcome.items() if k != "limit_s"}):
        assert not validator.is_valid(broken)
    clocks: dict[str, Any] = {**outcome["clocks"], "effect": "soon"}
    assert not validator.is_valid({**outcome, "clocks": clocks})


def test_the_published_schema_is_this_one() -> None:
    """docs/outcome.schema.json is what `gameday schema outcome` prints, and a valid schema."""
    assert SCHEMA.read_text(encoding="utf-8") == Outcome.schema_text()
    jsonschema.Draft202012Validator.check_schema(outcome_schema())


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two measurements from disk give the same bytes, and no draft stays."""
    folder = write(tmp_path / "run", stories()["recovered"], failing(steadily(), 20.0, 30.0))
    write_outcome(folder)
    first = [(folder / name).read_bytes() for name in ("outcome.json", "junit.xml")]
    write_outcome(folder)
    assert first == [(folder / name).read_bytes() for name in ("outcome.json", "junit.xml")]
    assert not list(folder.glob("*.draft"))


def test_journal_data_is_copied(tmp_path: Path) -> None:
    """Lag, changes, faults and the run's own data are copied from the journal."""
    outcome = measure(write(tmp_path / "run", stories()["recovered"], failing(steadily(), 20.0, 30.0)))
    assert outcome["lag_p95_s"] == 0.04
    assert outcome["run"]["duration_s"] == 61.0
    assert (outcome["changes"][0]["release"], outcome["changes"][0]["done"]) == ("pricing-1.1.0", 19.0)
    assert (outcome["faults"][0]["kind"], outcome["faults"][0]["injected"]) == ("bad-deploy", 19.0)
    assert (outcome["responder"]["kind"], outcome["responder"]["policy"]) == ("auto", None)


def test_a_folder_that_isn_t_a_run_is_an_error(tmp_path: Path) -> None:
    """An invalid journal line is an error that names the line."""
    folder = write(tmp_path / "run", stories()["recovered"])
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as file:
        file.write("not json\n")
    with pytest.raises(ValueError, match=r"journal\.jsonl:\d+: not a journal event"):
        measure(folder)


def test_of_people_the_first_right_operation_counts_and_every_wrong_one(tmp_path: Path) -> None:
    """From the effect on, each person's first right operation and all wrong ones count; a failed
    one mends nothing.

    Notes of people are kept with their times.
    """
    story = Story().begin().deploy(18.0, 19.0).page(21.0)
    story.add(22.0, "operation.intended", "o1", name="failover", target="us-east", by="on-call", change=None)
    story.add(22.5, "operation.done", "o1")
    story.add(23.0, "note", text="customers call in", by="support").add(
        23.5, "note", text="told", by="gameday"
    )
    story.add(24.0, "operation.intended", "o2", name="rollback", target="pricing", by="on-call", change="c1")
    story.add(24.5, "operation.failed", "o2", why="busy")
    story.rollback(25.5, 29.0)
    outcome = measure(
        write(tmp_path / "run", story.add(30.0, "lag", p95_s=0.04).finish(), failing(steadily(), 20.0, 30.0))
    )
    answered = outcome["responder"]
    assert answered["first_right_s"] == pytest.approx(25.5 - outcome["clocks"]["effect"])
    assert answered["wrong"] == 1
    assert answered["notes"] == [{"t": 23.0, "text": "customers call in", "by": "support"}]


def test_each_change_has_its_end(tmp_path: Path) -> None:
    """A change is done, rolled back in flight, failed, refused or never ended; `done` is the time
    of the first two."""
    story = Story().begin()
    for number, (kind, data) in enumerate(ENDS.values()):
        story.add(
            18.0 + number,
            "change.started",
            f"c{number}",
            service="costs",
            release="costs-1.1.0",
            by="automation",
        )
        if kind:
            story.add(18.5 + number, kind, f"c{number}", **data)
    outcome = measure(
        write(tmp_path / "run", story.finish(reason="no_effect"), steadily(), expect=list(COUNTED))
    )
    pairs = [(change["state"], change["done"]) for change in outcome["changes"]]
    assert pairs == [("done", 18.5), ("cancelled", 19.5), ("failed", None), ("refused", None), (None, None)]
    assert {expectation["expr"]: expectation["holds"] for expectation in outcome["expectations"]} == COUNTED
    jsonschema.Draft202012Validator(outcome_schema()).validate(json.loads(json.dumps(outcome)))


ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "done": ("change.done", {"cancelled": False}),
    "taken back": ("change.done", {"cancelled": True}),
    "failed": ("change.failed", {"why": "isn't ready"}),
    "refused": ("change.failed", {"why": "refused (403): no such scope", "refused": True, "status": 403}),
    "never": ("", {}),
}
COUNTED = {
    "changes.total == 5": True,
    "changes.failed == 1": True,
    "changes.refused == 1": True,
    "changes.refused == 0": False,
}
