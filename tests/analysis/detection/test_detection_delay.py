"""Tests of a run's detection limit: its stream, its p0 and p1, and each detector's delay in
multiples of it."""

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
    """Return requests of which every other one fails, the first at `since`."""
    return failing(steadily(), since, until, which=lambda r: int(r.planned / 0.05 + 1e-6) % 2 == 0)


def story() -> Story:
    return Story().begin().calibrated().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)


def measured(
    folder: Path, events: Story, requests: list[Request] | None = None, **scenario: Any
) -> dict[str, Any]:
    return measure(
        write(folder / "run", events.finish(), half() if requests is None else requests, **scenario)
    )


def test_p1_is_counted_from_effect_to_recovery(tmp_path: Path) -> None:
    """p1 is 100 of the 199 requests from effect to recovery; p0, rate and streams are the journal's."""
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
    """No error in 200 bounds p0 at 1.49 % (95 %): 1 − 0.05 to the power of 1/200. The limit is
    longer there."""
    detection = measured(tmp_path, story())["detection"]
    upper = 1 - 0.05 ** (1 / 200)
    assert detection["p0_upper"] == pytest.approx(upper, abs=1e-6)
    assert detection["limit_at_upper_s"] == pytest.approx(limit(upper, 100 / 199, 20.0), abs=1e-6)
    assert detection["limit_at_upper_s"] > detection["limit_s"]


def test_the_budget_of_false_alarms_is_shared_by_the_paging_streams(tmp_path: Path) -> None:
    """With eight paging streams the limit is longer than with one."""
    events = Story().begin().calibrated(streams=8).deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    outcome = measured(tmp_path, events)
    assert outcome["limit_s"] == pytest.approx(limit(0.0025, 100 / 199, 20.0, streams=8), abs=1e-6)
    assert outcome["limit_s"] > limit(0.0025, 100 / 199, 20.0)


def test_it_is_of_the_slo_whose_page_detected(tmp_path: Path) -> None:
    """Rate, p0 and p1 are those of the SLO whose page detected the outage, not of the one that
    broke first."""
    requests = half(20.0, 30.0)
    for request in requests:
        request.journey = (
            "buy" if request.planned >= 20.5 and int(request.planned / 0.05 + 1e-6) % 4 == 0 else "browse"
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
    """Without a page the limit is that of the first SLO in breach; the delay is null."""
    events = Story().begin().calibrated().deploy(18.0, 19.0).rollback(22.5, 29.0)
    outcome = measured(tmp_path, events)
    assert outcome["detection"]["slo"] == "shop"
    assert outcome["limit_s"] is not None
    assert outcome["detection"]["ratio"] is None


def test_the_last_calibration_before_the_effect_counts(tmp_path: Path) -> None:
    """A calibration after the effect, of a broken system, doesn't count."""
    events = story().add(16.0, "stream.calibrated", "shop", n=300, errors=3, p0=0.012, rate=21.0, streams=2)
    events.add(25.0, "stream.calibrated", "shop", n=300, errors=150, p0=0.5, rate=20.0, streams=2)
    assert measured(tmp_path, events)["detection"]["p0"] == 0.012


def test_each_detector_is_compared_with_the_limit(tmp_path: Path) -> None:
    """Every detector, paging or not, has a delay in multiples of the limit; null if it raised no
    alarm."""
    events = story().page(22.0, detector="threshold", pages=False, alert="a2")
    outcome = measured(tmp_path, events)
    ratios = {name: each["limit_ratio"] for name, each in outcome["detectors"].items()}
    assert ratios["cusum"] == outcome["detection"]["ratio"]
    assert ratios["threshold"] == pytest.approx(2.0 / outcome["limit_s"], abs=1e-4)
    assert {ratios["ewma"], ratios["scrape"]} == {None}


def test_without_an_effect_there_is_no_limit(tmp_path: Path) -> None:
    """Without an effect every key is null."""
    outcome = measured(tmp_path, Story().begin().calibrated().deploy(18.0, 19.0), steadily())
    assert set(outcome["detection"].values()) == {None}
    assert outcome["limit_s"] is None


def test_a_journal_that_lacks_the_calibration_gives_no_limit(tmp_path: Path) -> None:
    """Without a calibration only p1, which comes from the samples, is known."""
    outcome = measured(tmp_path, Story().begin().deploy(18.0, 19.0).page(21.0))
    assert (outcome["detection"]["slo"], outcome["limit_s"]) == ("shop", None)
    assert outcome["detection"]["p1"] == pytest.approx(100 / 199, abs=1e-6)


def test_a_change_below_the_normal_ratio_has_no_limit(tmp_path: Path) -> None:
    """If p0 is as high as p1 the limit is null, not infinite."""
    events = Story().begin().calibrated(p0=0.6).deploy(18.0, 19.0).page(21.0)
    assert measured(tmp_path, events)["limit_s"] is None
