"""Lag of alerts from outside: parts that follow each other, named by their settings, and add up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.measured import measure
from tests.support.run_folders import Story, failing, steadily, write

STARTED = "2026-11-30T21:00:00.000+00:00"
BEGAN = datetime.fromisoformat(STARTED).timestamp()
OFFSET = 3.0
"""Prometheus's clock is ahead by this."""


def stamp(t: float) -> float:
    """Return the stamp of Prometheus's clock at a time of the run."""
    return BEGAN + t + OFFSET


KNOWN: dict[str, Any] = {
    "name": "ShopBurns",
    "arrived": 34.5,
    "starts_at": stamp(29.2),
    "active_at": stamp(25.2),
    "scrapes_at": [stamp(t) for t in (19.4, 20.4, 21.4, 22.4)],
    "offset_s": OFFSET,
    "offset_error_s": 0.002,
    "offset_of": "prometheus",
    "scrape_interval_s": 1.0,
    "evaluation_interval_s": 1.0,
    "for_s": 4.0,
    "group_wait_s": 5.0,
    "group_interval_s": 5.0,
    "poll_s": None,
    "expr": "x > 1",
    "why_unknown": "",
}


def lag(folder: Path, page: float = 34.6, **known: Any) -> dict[str, Any]:
    """Return the lag of an alert that was raised at `page`; the outage begins at 20 s."""
    story = Story().begin().calibrated().deploy(18.0, 19.0).page(page, detector="alertmanager")
    story.events[0].data["started"] = STARTED  # type: ignore[index]
    story.add(page + 0.2, "alert.traced", "a1", **(KNOWN | known))
    detectors = [{"detector": "alertmanager", "pages": True}]
    folder = write(
        folder / "run",
        story.rollback(36.0, 37.0).finish(60.0),
        failing(steadily(60.0), 20.0, 38.0),
        detectors=detectors,
    )
    outcome = measure(folder)
    (own,) = outcome["alert_lags"]
    assert sum(part["seconds"] for part in own["parts"]) == pytest.approx(own["total_s"], abs=1e-3)
    assert own["total_s"] == pytest.approx(outcome["detectors"]["alertmanager"]["ttd_s"], abs=1e-3)
    return dict(own)


def parts(own: dict[str, Any]) -> dict[str, float]:
    return {part["name"]: round(part["seconds"], 1) for part in own["parts"]}


def test_each_part_is_named_after_the_setting_that_makes_it(tmp_path: Path) -> None:
    """Prometheus's stamps are corrected by the offset of its clock."""
    own = lag(tmp_path)
    assert parts(own) == {
        "scrape": 0.4,
        "rule": 4.8,
        "for": 4.0,
        "group_wait": 5.0,
        "delivery": 0.3,
        "taken": 0.1,
    }
    settings = {part["setting"]: part["configured_s"] for part in own["parts"]}
    assert settings == {
        "scrape_interval": 1.0,
        "expr, evaluation_interval": 1.0,
        "for": 4.0,
        "group_wait": 5.0,
        "sending and receiving": None,
        "gameday's own": None,
    }


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"active_at": None, "scrapes_at": []}, {"scrape+rule+for": 9.2, "group_wait": 5.0}),
        ({"starts_at": None}, {"rule": 4.8, "for+group_wait+delivery": 9.3}),
        ({"group_wait_s": None}, {"for": 4.0, "group_wait+delivery": 5.3}),
        ({"group_wait_s": 30.0}, {"group_wait": 5.3, "delivery": 0.0}),
        ({"active_at": stamp(12.0)}, {"scrape+rule": 0.0, "for": 9.2}),
        ({"offset_s": None, "starts_at": stamp(26.2), "active_at": stamp(22.2)}, {"for": 4.0}),
        ({"poll_s": 1.0, "starts_at": None}, {"rule": 4.8, "for": 4.0, "poll": 5.3}),
        ({"poll_s": 1.0, "starts_at": stamp(25.2), "for_s": None}, {"for": 0.0, "poll": 9.3}),
        ({"arrived": 99.0}, {"taken": 0.0}),
    ],
)
def test_what_is_not_known_joins_the_next_part(
    tmp_path: Path, known: dict[str, Any], expected: dict[str, float]
) -> None:
    """Moments that are missing, before the effect or after the alert leave the sum as it is."""
    assert expected.items() <= parts(lag(tmp_path, **known)).items()


def test_a_false_alarm_has_no_lag(tmp_path: Path) -> None:
    """An alert of the steady state waited for nothing that the run did."""
    story = Story().begin().calibrated().page(12.0, detector="alertmanager").deploy(18.0, 19.0)
    story.add(12.5, "alert.traced", "a1", **KNOWN)
    folder = write(tmp_path / "run", story.finish(), failing(steadily(), 20.0, 30.0))
    assert measure(folder)["alert_lags"] == []
