"""Tests of false alarms in quiet time."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.detection.false_alarms import bound, most
from tests.support.measured import measure
from tests.support.run_folders import Request, Story, failing, steadily, write


def quiet(folder: Path, story: Story, requests: list[Request] | None = None) -> dict[str, Any]:
    quiet_time: dict[str, Any] = measure(write(folder / "run", story, requests or steadily()))["quiet"]
    return quiet_time


def test_a_fault_ends_the_quiet_time(tmp_path: Path) -> None:
    """No page in the 13 s from 5 s to 18 s still allows −ln 0.05 in 13 s: 830 an hour, about 3/T."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    quiet_time = quiet(tmp_path, story, failing(steadily(), 20.0, 30.0))
    assert (quiet_time["since"], quiet_time["until"], quiet_time["seconds"], quiet_time["pages"]) == (
        5.0,
        18.0,
        13.0,
        0,
    )
    assert (quiet_time["per_hour"], quiet_time["bound_per_hour"]) == (
        0.0,
        pytest.approx(-math.log(0.05) / 13 * 3600, abs=1e-3),
    )
    assert quiet_time["bound_per_hour"] == pytest.approx(3 / 13 * 3600, rel=0.002)


def test_a_control_run_is_quiet_to_its_end(tmp_path: Path) -> None:
    """The quiet time is 55 s, without a timeline and with a change without effect."""
    assert quiet(tmp_path / "a", Story().begin().finish(reason="no_effect"))["seconds"] == 55.0
    story = Story().begin().deploy(18.0, 19.0, fault=False).finish(reason="no_effect")
    assert quiet(tmp_path / "b", story)["seconds"] == 55.0


def test_a_run_broken_off_is_quiet_only_till_its_fault(tmp_path: Path) -> None:
    """If the run was interrupted, the time after the fault isn't quiet, since its effect was still
    to come."""
    story = Story().begin().deploy(18.0, 19.0).add(25.0, "run.interrupted", signal="SIGINT")
    assert quiet(tmp_path, story.finish(25.0, "interrupted"), steadily(25.0))["until"] == 18.0


def test_alarms_are_counted_by_detector_and_pages_together(tmp_path: Path) -> None:
    """Two alarms that don't page and one page give rates per hour and bounds above 3/T."""
    story = Story().begin().page(30.0).page(20.0, detector="threshold", pages=False, alert="a2")
    story.page(40.0, detector="threshold", pages=False, alert="a3").page(4.0, alert="warm-up")
    quiet_time = quiet(tmp_path, story.finish(reason="no_effect"))
    hours = 55 / 3600
    assert (quiet_time["pages"], quiet_time["per_hour"]) == (1, pytest.approx(1 / hours, abs=1e-3))
    assert quiet_time["bound_per_hour"] == pytest.approx(4.744 / (30 - 5) * 3600, rel=1e-3)
    counts = {
        name: detector["alarms"] for name, detector in quiet_time["detectors"].items() if detector["alarms"]
    }
    assert counts == {"cusum": 1, "threshold": 2}
    assert quiet_time["detectors"]["threshold"]["bound_per_hour"] == pytest.approx(
        4.744 / (20 - 5) * 3600, rel=1e-3
    )


@pytest.mark.parametrize("rate", [0.005, 0.05, 0.5, 5.0])
def test_the_bound_covers_the_rate(rate: float) -> None:
    """In 95 % of quiet times of a minute or more the bound is above the true rate, though a detector is silent once it
    raised."""
    draw, covered = random.Random(1), 0
    for _ in range(4000):
        first = draw.expovariate(rate)
        most_per_hour = bound(first if first < 60 else None, 0.0, 60.0)
        covered += most_per_hour is None or most_per_hour >= rate * 3600
    assert covered / 4000 >= 0.945


def test_an_alarm_at_once_leaves_no_time_to_judge() -> None:
    """If the first alarm came with the quiet time itself, nothing bounds the rate."""
    assert bound(5.0, 5.0, 60.0) is None


def test_time_in_which_an_slo_was_in_breach_is_not_quiet(tmp_path: Path) -> None:
    """After a breach in steady state, or anywhere in a control run, every key is null."""
    early = Story().begin(met=False, why="x").finish(15.0, "unsteady")
    quiet_time = quiet(tmp_path / "a", early, failing(steadily(15.0), 6.0, 15.0))
    assert {quiet_time[key] for key in ("since", "until", "seconds", "pages", "bound_per_hour")} == {None}
    assert quiet_time["detectors"]["cusum"] == {"alarms": None, "per_hour": None, "bound_per_hour": None}
    late = quiet(tmp_path / "b", Story().begin().finish(), failing(steadily(), 30.0, 40.0))
    assert late["seconds"] is None


def test_a_run_that_never_was_steady_has_no_quiet_time(tmp_path: Path) -> None:
    """A run that ended while it started up has no quiet time."""
    story = (
        Story().add(0.0, "run.started", "r").add(1.0, "run.error", where="up", why="x").finish(1.0, "error")
    )
    assert quiet(tmp_path, story)["seconds"] is None


@pytest.mark.parametrize(("count", "mean"), [(0, 2.995732), (1, 4.743865), (2, 6.295794), (10, 16.962219)])
def test_the_bound_of_a_count_is_poisson_s(count: int, mean: float) -> None:
    """The bounds are the published upper limits at 95 %: half the chi-square quantile of 2(k + 1)
    degrees."""
    assert most(count) == pytest.approx(mean, abs=1e-5)
