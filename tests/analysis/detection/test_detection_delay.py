"""The limit of a run: whose stream, which p0 and p1, and what each detector's time is in multiples of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.detection.detection_limit import limit
from tests.support.measured import measure
from tests.support.run_folders import Request, Story, failing, steadily, write

TWO = [
    {"name": "shop", "sli": "availability", "objective": "99%"},
    {"name": "buy", "journey": "buy", "sli": "availability", "objective": "99%"},
]


def half(since: float = 20.0, until: float = 30.0) -> list[Request]:
    """Every other request fails, the first at `since`."""
    return failing(steadily(), since, until, which=lambda r: round(r.planned / 0.05) % 2 == 0)


def story() -> Story:
    return Story().begin().calibrated().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)


def measured(
    folder: Path, events: Story, requests: list[Request] | None = None, **scenario: Any
) -> dict[str, Any]:
    return measure(
        write(folder / "run", events.finish(), half() if requests is None else requests, **scenario)
    )


def test_p1_is_counted_from_effect_to_recovery(tmp_path: Path) -> None:
    """100 of the 199 from the first bad request to just after the last one; p0, rate and streams as journalled."""
    outcome = measured(tmp_path, story())
    detection = outcome["detection"]
    assert (outcome["clocks"]["effect"], outcome["clocks"]["recovered"]) == (20.0, 29.95)
    assert detection["p1"] == pytest.approx(100 / 199, abs=1e-6)
    assert (detection["slo"], detection["p0"], detection["rate"], detection["streams"], detection["n"]) == (
        "shop",
        0.0025,
        20.0,
        1,
        200,
    )
    assert (
        detection["limit_s"] == outcome["limit_s"] == pytest.approx(limit(0.0025, 100 / 199, 20.0), abs=1e-6)
    )
    assert detection["ratio"] == pytest.approx(1.0 / outcome["limit_s"], abs=1e-5)


def test_the_upper_bound_of_p0_gives_the_other_end(tmp_path: Path) -> None:
    """No error in 200 bounds p0 at 1.49 % (95 %): 1 − 0.05 to the power of 1/200. The limit is longer there."""
    detection = measured(tmp_path, story())["detection"]
    upper = 1 - 0.05 ** (1 / 200)
    assert detection["p0_upper"] == pytest.approx(upper, abs=1e-6)
    assert detection["limit_at_upper_s"] == pytest.approx(limit(upper, 100 / 199, 20.0), abs=1e-6)
    assert detection["limit_at_upper_s"] > detection["limit_s"]


def test_the_budget_of_false_alarms_is_shared_by_the_paging_streams(tmp_path: Path) -> None:
    """Eight of them: a longer limit than one alone has, by the same chain."""
    events = Story().begin().calibrated(streams=8).deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    outcome = measured(tmp_path, events)
    assert outcome["limit_s"] == pytest.approx(limit(0.0025, 100 / 199, 20.0, streams=8), abs=1e-6)
    assert outcome["limit_s"] > limit(0.0025, 100 / 199, 20.0)


def test_it_is_of_the_slo_whose_page_detected(tmp_path: Path) -> None:
    """Not of the one that broke first: its own rate, its own p0, its own p1."""
    requests = half(20.0, 30.0)
    for request in requests:
        request.journey = (
            "buy" if request.planned >= 20.5 and round(request.planned / 0.05) % 4 == 0 else "browse"
        )
    events = Story().begin().calibrated().calibrated("buy", p0=0.004, rate=5.0)
    outcome = measured(
        tmp_path, events.deploy(18.0, 19.0).page(21.5, "buy").rollback(22.5, 29.0), requests, slos=TWO
    )
    assert (outcome["detection"]["slo"], outcome["detection"]["p0"], outcome["detection"]["p1"]) == (
        "buy",
        0.004,
        1.0,
    )
    assert outcome["clocks"]["effect"] == 20.0


def test_undetected_it_is_of_the_slo_that_broke_first(tmp_path: Path) -> None:
    """The limit is known without a page; what took how long isn't."""
    events = Story().begin().calibrated().deploy(18.0, 19.0).rollback(22.5, 29.0)
    outcome = measured(tmp_path, events)
    assert outcome["detection"]["slo"] == "shop"
    assert outcome["limit_s"] is not None
    assert outcome["detection"]["ratio"] is None


def test_the_last_calibration_before_the_effect_counts(tmp_path: Path) -> None:
    """One made later, of a system already broken, is nobody's normal."""
    events = story().add(16.0, "stream.calibrated", "shop", n=300, errors=3, p0=0.012, rate=21.0, streams=2)
    events.add(25.0, "stream.calibrated", "shop", n=300, errors=150, p0=0.5, rate=20.0, streams=2)
    assert measured(tmp_path, events)["detection"]["p0"] == 0.012


def test_each_detector_is_held_against_the_limit(tmp_path: Path) -> None:
    """Those that page and those that watch; null for one that saw nothing."""
    events = story().page(22.0, detector="threshold", pages=False, alert="a2")
    outcome = measured(tmp_path, events)
    ratios = {name: each["limit_ratio"] for name, each in outcome["detectors"].items()}
    assert ratios["cusum"] == outcome["detection"]["ratio"]
    assert ratios["threshold"] == pytest.approx(2.0 / outcome["limit_s"], abs=1e-5)
    assert {ratios["ewma"], ratios["scrape"]} == {None}


def test_without_an_effect_there_is_no_limit(tmp_path: Path) -> None:
    """All null."""
    outcome = measured(tmp_path, Story().begin().calibrated().deploy(18.0, 19.0), steadily())
    assert set(outcome["detection"].values()) == {None}
    assert outcome["limit_s"] is None


def test_a_journal_that_lacks_the_calibration_gives_no_limit(tmp_path: Path) -> None:
    """p1 is known from the samples alone, the rest isn't."""
    outcome = measured(tmp_path, Story().begin().deploy(18.0, 19.0).page(21.0))
    assert (outcome["detection"]["slo"], outcome["limit_s"]) == ("shop", None)
    assert outcome["detection"]["p1"] == pytest.approx(100 / 199, abs=1e-6)


def test_a_change_below_what_was_normal_has_no_limit(tmp_path: Path) -> None:
    """Where p0 was as high as p1 there was nothing to detect: null, not infinity."""
    events = Story().begin().calibrated(p0=0.6).deploy(18.0, 19.0).page(21.0)
    assert measured(tmp_path, events)["limit_s"] is None
