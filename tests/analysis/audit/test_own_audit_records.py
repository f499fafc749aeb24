"""Audit of a system of one's own: what is lost, what is stored twice, and what can't be said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday.analysis.audit.own_audit_records import OwnRecords, read_own_records
from tests.support.own_application import SCENARIO
from tests.support.scenarios import read


def records(folder: Path, saved: str, stored: list[object] | None) -> OwnRecords | None:
    """Return the records of a run with these files."""
    scenario = read(SCENARIO.replace("PORT", "80"), folder)
    (folder / "samples").mkdir()
    (folder / "samples/saved.jsonl").write_text(saved, encoding="utf-8")
    if stored is not None:
        text = "".join(f"{json.dumps(order)}\n" for order in stored)
        (folder / "stored.jsonl").write_text(text, encoding="utf-8")
    return read_own_records(folder, scenario)


def line(value: object, journey: str = "look", name: str = "id") -> str:
    """Return a line of what a step saved."""
    return json.dumps({"t": 1.0, "journey": journey, "saved": {name: value}}) + "\n"


def test_lost_and_duplicated_ids_are_counted(tmp_path: Path) -> None:
    """Ids are compared as texts; those of other journeys and names don't count, nor does a line that was cut off."""
    saved = line(1) + line("2") + line("2") + line(9, "other") + line(9, name="at") + line(8)[:-9]
    known = records(tmp_path, saved, ["1", "1", "1", "7"])
    assert known is not None
    audit = known.audit()
    assert (audit.acknowledged, audit.lost, audit.duplicated) == (2, 1, 2)


def test_without_what_is_stored_there_is_no_audit(tmp_path: Path) -> None:
    """A command that failed leaves no file: lost is unknown, not zero."""
    assert records(tmp_path, line(1), None) is None


@pytest.mark.parametrize("stored", [[], ["1"]])
def test_nothing_acknowledged_is_nothing_lost(tmp_path: Path, stored: list[object]) -> None:
    """No id was acknowledged, so that none is lost."""
    known = records(tmp_path, "", stored)
    assert known is not None
    assert (known.audit().acknowledged, known.audit().lost) == (0, 0)
