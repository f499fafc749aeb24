"""Tests of clock errors: spacing from the run itself, the rest from the machine's calibration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.evidence.recorded_run import read_calibration
from tests.support.measured import measure
from tests.support.run_folders import Story, failing, steadily, write

APART = 0.024525, 0.025
"""20 requests/s, all of them bad: a change is anywhere in the 50 ms between two, 97 % of half of which are ± 24 ms."""


def recorded(
    folder: Path, calibration: Any = None, until: float = 30.0, story: Story | None = None
) -> dict[str, Any]:
    events = story or Story().begin().calibrated().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    path = write(folder / "run", events, failing(steadily(), 20.0, until))
    if calibration is not None:
        (path / "calibration.json").write_text(json.dumps(calibration), encoding="utf-8")
    return measure(path)


def known(effect: Any = 0.06, recovered: Any = 0.08) -> dict[str, Any]:
    return {
        "schema": "gameday/calibration/v1",
        "beyond_spacing_s": {"effect": {"p95": effect}, "recovered": {"p95": recovered}},
    }


def test_spacing_is_known_without_a_calibration_and_error_isn_t(tmp_path: Path) -> None:
    """Spacing is half of the time between two requests at either end; without calibration the error is null."""
    outcome = recorded(tmp_path)
    assert outcome["spacing_s"] == {
        "effect": pytest.approx(APART[0], abs=1e-4),
        "recovered": pytest.approx(APART[1], abs=1e-4),
    }
    assert set(outcome["error_s"].values()) == {None}


def test_error_is_calibration_plus_spacing(tmp_path: Path) -> None:
    """TTD has the effect's error, since the page is stamped exactly; TTR has both ends'."""
    outcome = recorded(tmp_path, known())
    expected = {
        "effect": APART[0] + 0.06,
        "recovered": APART[1] + 0.08,
        "ttd": APART[0] + 0.06,
        "ttr": sum(APART) + 0.14,
    }
    assert outcome["error_s"] == {name: pytest.approx(value, abs=1e-4) for name, value in expected.items()}


def test_unset_clocks_have_no_error(tmp_path: Path) -> None:
    """Without a recovery and a page only the effect has an error."""
    story = Story().begin().calibrated().deploy(18.0, 19.0).finish(reason="give_up")
    outcome = recorded(tmp_path, known(), 60.0, story)
    assert outcome["spacing_s"]["recovered"] is None
    assert [name for name, value in outcome["error_s"].items() if value is not None] == ["effect"]


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"schema": "gameday/calibration/v2"},
        {"schema": "gameday/calibration/v1"},
        known(None),
        known(-0.1),
    ],
)
def test_an_invalid_calibration_is_an_error(tmp_path: Path, broken: Any) -> None:
    """An invalid calibration is an error, never silently none."""
    with pytest.raises(ValueError, match=r"calibration\.json"):
        recorded(tmp_path, broken)


def test_a_run_may_lack_one(tmp_path: Path) -> None:
    """A run on a machine without calibration is measured."""
    assert read_calibration(tmp_path / "calibration.json") is None
