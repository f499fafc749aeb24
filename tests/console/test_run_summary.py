"""The last lines of a run on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis import Outcome, measure
from gameday.console.run_summary import lines
from tests.support.run_folders import Story, failing, steadily, write
from tests.support.sample_outcome import outcome_of


def last_lines(folder: Path, **ending: Any) -> str:
    story = (
        Story().begin().deploy(18.0, 19.0).add(26.0, "run.stopped", expr="alerts > 3", values={"alerts": 4.0})
    )
    outcome = measure(
        write(folder / "run", story.finish(26.0, "stopped", **ending), failing(steadily(26.0), 20, 30))
    )
    return "\n".join(lines(outcome, folder / "report.html"))


def test_a_stop_is_the_first_reason(tmp_path: Path) -> None:
    """An abort is the first reason, with its condition, time and values."""
    screen = last_lines(tmp_path).splitlines()
    assert screen[2].strip() == 'stopped by its abort condition "alerts > 3" at 26.0 s (alerts = 4)'


@pytest.mark.parametrize(("left", "shows_command"), [([], False), (["the system, which hung"], True)])
def test_what_is_left_comes_with_the_command_that_removes_it(
    tmp_path: Path, left: list[str], shows_command: bool
) -> None:
    """The command is shown only if something is left."""
    screen = last_lines(tmp_path, clean=not left, left=left)
    assert (f"to remove            gameday heal {tmp_path}" in screen) is shows_command


def test_leftovers_are_listed_by_the_command_that_removes_them() -> None:
    """Leftovers with the same command share a line; there is no line if nothing is left."""
    document = outcome_of(str, {"requests": 9, "failed": 1, "users": 5, "affected": 1})
    assert "to remove" not in "".join(lines(Outcome.model_validate(document), Path("report.html")))
    document["cleanup"] = {"clean": False, "left": ["what the run has on the engine", "a start", "volume x"]}
    outcome = Outcome.model_validate(document)
    removers = [line for line in lines(outcome, Path("runs/r1/report.html")) if "to remove" in line]
    assert [line.split("to remove")[1].strip() for line in removers] == [
        "gameday heal runs/r1",
        "docker volume rm --force x",
    ]


def test_two_primaries_are_named(tmp_path: Path) -> None:
    """With the time in which both acknowledged orders."""
    requests = steadily(26.0)
    for number, primary in enumerate(("eu-west/2", "us-east/2", "eu-west/2"), 1):
        requests[number * 100].order, requests[number * 100].primary = number, primary
    folder = write(tmp_path / "run", Story().begin().finish(26.0), requests, orders=[])
    screen = "\n".join(lines(measure(folder), tmp_path / "report.html"))
    assert "two primaries        [bold red]eu-west/2 and us-east/2, from 12.0 s to 12.0 s[/]" in screen


@pytest.mark.parametrize(
    ("ratio", "shown"), [(0.3, "at the limit"), (1.0, "1.0x the limit"), (3.3, "3.3x the limit")]
)
def test_a_detection_is_compared_with_the_limit(ratio: float, shown: str, tmp_path: Path) -> None:
    """No detector beats the limit but by luck, so a ratio below 1 isn't shown as a figure."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    outcome = measure(write(tmp_path / "run", story.finish(), failing(steadily(), 20.0, 30.0)))
    detection = outcome.detection.model_copy(update={"ratio": ratio})
    screen = "\n".join(lines(outcome.model_copy(update={"detection": detection}), tmp_path / "report.html"))
    assert f", {shown}" in screen


@pytest.mark.parametrize(
    ("ended_by", "shown"),
    [(None, "not within 10.0 s"), ("schedule", "not within 10.0 s: the timeline ended the outage")],
)
def test_a_time_that_never_came_is_counted_from_the_effect(ended_by: str | None, shown: str) -> None:
    """Not from the run's start; and if the timeline ended the outage, it says so."""
    document = outcome_of(str, {"requests": 9, "failed": 1, "users": 5, "affected": 1})
    document["clocks"]["effect"] = 20.0
    document |= {"ttr_s": None, "ttr_state": "censored", "ttr_censored_at": 30.0, "ended_by": ended_by}
    screen = "\n".join(lines(Outcome.model_validate(document), Path("report.html")))
    assert f"time to recover      {shown}\n" in screen
