"""calibration.json from a folder made by hand: its figures, when it isn't to be relied on, where it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday.analysis.evidence.recorded_run import read_calibration
from gameday.calibrate.calibration_result import LEAST, coarse, keep, problems, read_findings, write
from tests.support.calibrations import TRUTHS, Slips, make


def test_the_figures_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    """Requests lie on whole 20 ms, so the errors are the distance from each stamp to the next of them."""
    found = read_findings(make(tmp_path / "c"))
    assert (found["schema"], found["id"], found["substrate"]) == (
        "gameday/calibration/v1",
        "calibration-x",
        "process",
    )
    assert (found["n"], found["measured"], found["detected"]) == (3, 3, 3)
    assert (found["spurious"], found["false_alarms"]) == (0, 0)
    assert found["error_s"]["effect"]["max"] == pytest.approx(0.015, abs=1e-6)
    assert found["error_s"]["recovered"]["median"] == pytest.approx(0.005, abs=1e-6)
    assert found["error_s"]["detection_lag"] == pytest.approx(
        {"median": 0.1, "p95": 0.1, "max": 0.1, "bias": 0.1}
    )
    assert found["beyond_spacing_s"]["effect"] == {"median": 0.0, "p95": 0.0, "max": 0.0, "bias": 0.0}
    assert found["buckets"]["effect"]["max"] == pytest.approx(0.405)
    assert found["buckets"]["recovered"]["max"] == pytest.approx(0.985)
    assert (found["start_s"], found["base_p50_s"], found["lag_p95_s"]) == (0.8, 0.005, 0.019)
    assert found["send_late_p95_s"] == pytest.approx(0.001)
    assert found["outages"][0]["cut"] == TRUTHS[0][0]
    assert (problems(found), coarse(found)) == ([], [])


def test_it_is_plain_json_and_reads_back(tmp_path: Path) -> None:
    """Written at once, no NaN, nothing lost."""
    found = read_findings(make(tmp_path / "c"))
    path = write(tmp_path / "c", found)
    assert path.name == "calibration.json"
    assert json.loads(path.read_text(encoding="utf-8")) == found
    assert [each.name for each in path.parent.glob("*.draft")] == []


@pytest.mark.parametrize("slip", [0.3, -0.3])
def test_a_load_whose_clock_slips_is_not_relied_on(tmp_path: Path, slip: float) -> None:
    """The errors show the slip, past every aim, and the calibration says that two clocks differ."""
    found = read_findings(make(tmp_path / "c", slips=Slips(load=slip)))
    assert found["error_s"]["effect"]["p95"] > 0.25
    assert found["error_s"]["recovered"]["p95"] > 0.25
    assert len(coarse(found)) == 2
    how = "late" if slip > 0 else "early"
    assert [said for said in problems(found) if f"ms {how} on the median: two clocks differ" in said]


def test_a_watch_whose_clock_slips_shows_in_the_detection_lag(tmp_path: Path) -> None:
    """Ahead by 300 ms it detects later by 300 ms; behind by as much it seems to detect before the cut: not at all."""
    late = read_findings(make(tmp_path / "late", slips=Slips(watch=0.3)))
    assert late["error_s"]["detection_lag"]["median"] == pytest.approx(0.4)
    early = read_findings(make(tmp_path / "early", slips=Slips(watch=-0.3)))
    assert (early["detected"], early["false_alarms"], early["error_s"]["detection_lag"]) == (0, 3, None)
    assert problems(early) == ["3 of 3 outages weren't detected"]


def test_missing_and_spurious_outages_are_reported(tmp_path: Path) -> None:
    """A truth without a bad request is missing; an outage without a truth is spurious."""
    folder = make(tmp_path / "c")
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"f2"' not in line), encoding="utf-8")
    found = read_findings(folder)
    assert found["n"] == 2
    assert problems(found)


def test_a_calibration_that_did_not_end_is_refused(tmp_path: Path) -> None:
    """An interrupted one has no figures, rather than some."""
    folder = make(tmp_path / "c")
    journal = folder / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"phase"' not in line), encoding="utf-8")
    with pytest.raises(ValueError, match="didn't come to its end"):
        read_findings(folder)


def test_only_a_good_one_of_sixty_is_kept_for_later_runs(tmp_path: Path) -> None:
    """One for each substrate. Fewer outages don't bound the 95th percentile; a bad one bounds nothing."""
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
    """The p95 of both clocks beyond the spacing of requests, which a run adds for itself."""
    found = read_findings(make(tmp_path / "c"))
    found["beyond_spacing_s"]["effect"]["p95"], found["beyond_spacing_s"]["recovered"]["p95"] = 0.004, 0.003
    known = read_calibration(write(tmp_path / "c", found))
    assert known is not None
    assert (known.effect, known.recovered) == (0.004, 0.003)
