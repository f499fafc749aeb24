"""calibration.json from a synthetic folder: its figures, its reliability, and where it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday.analysis.evidence.recorded_run import read_calibration
from gameday.calibrate.calibration_result import LEAST, coarse, keep, problems, read_findings, write
from tests.support.calibrations import TRUTHS, Slips, make


def test_the_figures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    """Requests are planned at multiples of 20 ms, midway between two
    of which the clocks are."""
    result = read_findings(make(tmp_path / "c"))
    assert (result["schema"], result["id"], result["substrate"]) == (
        "gameday/calibration/v1",
        "calibration-x",
        "process",
    )
    assert (result["n"], result["measured"], result["detected"]) == (3, 3, 3)
    assert (result["spurious"], result["false_alarms"]) == (0, 0)
    assert result["error_s"]["effect"]["max"] == pytest.approx(0.005, abs=1e-6)
    assert result["error_s"]["recovered"]["median"] == pytest.approx(0.0, abs=1e-6)
    assert result["error_s"]["detection_lag"] == pytest.approx(
        {"median": 0.1, "p95": 0.1, "max": 0.1, "bias": 0.1}
    )
    assert result["beyond_spacing_s"]["effect"] == {"median": 0.0, "p95": 0.0, "max": 0.0, "bias": 0.0}
    assert result["buckets"]["effect"]["max"] == pytest.approx(0.405)
    assert result["buckets"]["recovered"]["max"] == pytest.approx(0.985)
    assert (result["start_s"], result["base_p50_s"], result["lag_p95_s"]) == (0.8, 0.005, 0.019)
    assert result["send_late_p95_s"] == pytest.approx(0.001)
    assert result["outages"][0]["cut"] == TRUTHS[0][0]
    assert (problems(result), coarse(result)) == ([], [])


def test_it_is_plain_json_and_reads_back(tmp_path: Path) -> None:
    """The file is written atomically, has no NaN, and reads back unchanged."""
    result = read_findings(make(tmp_path / "c"))
    path = write(tmp_path / "c", result)
    assert path.name == "calibration.json"
    assert json.loads(path.read_text(encoding="utf-8")) == result
    assert [draft.name for draft in path.parent.glob("*.draft")] == []


@pytest.mark.parametrize("slip", [0.3, -0.3])
def test_a_load_whose_clock_slips_is_not_relied_on(tmp_path: Path, slip: float) -> None:
    """The errors exceed every target, and the calibration reports that two clocks differ."""
    result = read_findings(make(tmp_path / "c", slips=Slips(load=slip)))
    assert result["error_s"]["effect"]["p95"] > 0.25
    assert result["error_s"]["recovered"]["p95"] > 0.25
    assert len(coarse(result)) == 2
    how = "late" if slip > 0 else "early"
    assert [
        problem for problem in problems(result) if f"ms {how} on the median: two clocks differ" in problem
    ]


def test_a_watch_whose_clock_slips_shows_in_the_detection_lag(tmp_path: Path) -> None:
    """A clock 300 ms ahead adds 300 ms to the lag; one 300 ms behind detects before the cut, which
    doesn't count."""
    late = read_findings(make(tmp_path / "late", slips=Slips(watch=0.3)))
    assert late["error_s"]["detection_lag"]["median"] == pytest.approx(0.4)
    early = read_findings(make(tmp_path / "early", slips=Slips(watch=-0.3)))
    assert (early["detected"], early["false_alarms"], early["error_s"]["detection_lag"]) == (0, 3, None)
    assert problems(early) == ["3 of 3 outages weren't detected"]


def test_missing_and_spurious_outages_are_reported(tmp_path: Path) -> None:
    """A true outage without a bad request is missing; a measured outage without a true one is
    spurious."""
    folder = make(tmp_path / "c")
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"f2"' not in line), encoding="utf-8")
    result = read_findings(folder)
    assert result["n"] == 2
    assert problems(result)


def test_a_calibration_that_did_not_end_is_refused(tmp_path: Path) -> None:
    """An interrupted calibration has no result."""
    folder = make(tmp_path / "c")
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"phase"' not in line), encoding="utf-8")
    with pytest.raises(ValueError, match="didn't come to its end"):
        read_findings(folder)


def test_only_a_good_one_of_sixty_is_kept_for_later_runs(tmp_path: Path) -> None:
    """One result is kept for each substrate, if it is reliable and has enough outages to bound the
    95th percentile."""
    state = tmp_path / "state"
    few = read_findings(make(tmp_path / "c"))
    enough = {**few, "n": LEAST, "measured": LEAST, "detected": LEAST}
    assert keep(state, few) is None
    assert keep(state, {**enough, "detected": LEAST - 1}) is None
    assert not state.exists()
    kept = keep(state, enough)
    assert kept == state / "calibration-process.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == enough


def test_what_is_kept_is_what_a_run_reads(tmp_path: Path) -> None:
    """A run reads the p95 of both clocks beyond the spacing of requests, and adds its own spacing."""
    result = read_findings(make(tmp_path / "c"))
    result["beyond_spacing_s"]["effect"]["p95"], result["beyond_spacing_s"]["recovered"]["p95"] = 0.004, 0.003
    known = read_calibration(write(tmp_path / "c", result))
    assert known is not None
    assert (known.effect, known.recovered) == (0.004, 0.003)
