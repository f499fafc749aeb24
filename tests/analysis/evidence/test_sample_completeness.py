"""Tests of sample completeness: by the shard's count, by the polls, by the load's schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.evidence.sample_completeness import doubts, missing
from gameday.analysis.evidence.schedule import Schedule
from gameday.recording.samples import ErrorKind, ShardWriter
from tests.support.measured import measure
from tests.support.run_folders import END, Story, write

PLAN = {"seed": 3, "begin": 2.0, "rate": 30.0, "journeys": {"buy": 1.0}, "users": 500, "think_time": 0.2}


def folder(tmp_path: Path, **changed: Any) -> Path:
    """Write a run of planned buyers: each views a product and, 210 ms later, checks out. `changed`
    alters records.

    `drop`: numbers of records left out; `until`: the last planned time kept; `fail`: numbers of
    journeys whose first step fails, so that they have no second.
    """
    path = write(tmp_path / "run", Story().begin().add(2.0, "load.started", planned_rate=30.0).finish())
    (path / "samples" / "load.json").write_text(json.dumps(PLAN), encoding="utf-8")
    schedule = Schedule.read(path / "samples" / "load.json")
    assert schedule is not None
    (path / "samples" / "load.shard").unlink()
    writer = ShardWriter(path / "samples" / "load.shard", grow=4096)
    names = writer.intern("journey", "buy"), writer.intern("release", ""), writer.intern("region", "")
    steps = writer.intern("step", "product"), writer.intern("step", "checkout")
    number = 0
    for begun, planned in enumerate(schedule.begins(END).tolist()):
        failed = begun in changed.get("fail", ())
        for step, t in zip(steps, (planned, planned + 0.01 + 0.2), strict=True):
            if number not in changed.get("drop", ()) and t <= changed.get("until", END + 1):
                error = ErrorKind.STATUS if failed else ErrorKind.NONE
                writer.append(t, t, t + 0.01, 1, 0, -1, names[1], 200, names[0], step, names[2], error, 1)
            number += 1
            if failed:
                break
    writer.close()
    return path


def reasons_of(run: Run) -> list[str]:
    return list(doubts(run, missing(run)))


def test_a_whole_run_lacks_nothing(tmp_path: Path) -> None:
    """With all first and second steps nothing is missing; no step is expected after a failure."""
    run = read_run(folder(tmp_path, fail={10, 11, 500}))
    gap = missing(run)
    assert gap is not None
    assert (len(gap.times), reasons_of(run)) == (0, [])
    assert gap.planned > 1500
    assert measure(tmp_path / "run")["load"]["missing"] == 0


@pytest.mark.parametrize("number", [0, 1, 700, 701])
def test_each_lost_record_is_missed(tmp_path: Path, number: int) -> None:
    """Lost first steps are known by the schedule, second ones by the good answer before them."""
    run = read_run(folder(tmp_path, drop={number}))
    (doubt,) = reasons_of(run)
    assert doubt.startswith("1 of ")
    assert "left no record, the first of them planned at" in doubt


def test_the_plan_counts_requests_without_a_record(tmp_path: Path) -> None:
    """If 100 records of 100 journeys are lost, planned stays, achieved falls, and the run is
    inconclusive."""
    whole = measure(folder(tmp_path / "a"))["load"]
    outcome = measure(folder(tmp_path / "b", drop=set(range(801, 1001, 2))))
    assert outcome["load"]["planned"] == whole["planned"]
    assert (outcome["load"]["missing"], outcome["load"]["achieved"]) == (100, whole["achieved"] - 100)
    assert outcome["exit_status"] == 3
    assert any(reason.startswith("only ") for reason in outcome["reasons"])


def test_requests_planned_past_the_end_are_not_checked(tmp_path: Path) -> None:
    """Requests planned in the last moments before the load is stopped aren't checked."""
    assert reasons_of(read_run(folder(tmp_path / "a", until=END - 0.05))) == []
    assert len(reasons_of(read_run(folder(tmp_path / "b", until=END - 2.0)))) == 1


def test_a_run_whose_load_began_needs_its_plan(tmp_path: Path) -> None:
    """A run whose plan is missing is never a pass; a run without a load needs no plan."""
    path = folder(tmp_path)
    (path / "samples" / "load.json").unlink()
    (doubt,) = reasons_of(read_run(path))
    assert doubt.startswith("whether all that was planned was recorded can't be told")
    bare = write(tmp_path / "bare", Story().begin().finish())
    assert (reasons_of(read_run(bare)), missing(read_run(bare))) == ([], None)
