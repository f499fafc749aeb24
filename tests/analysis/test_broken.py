"""Tests of the golden run with one defect each, which must never pass."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gameday.recording.samples import HEADER_BYTES, RECORD, ErrorKind
from tests.support.measured import measure
from tests.support.paths import GOLDEN

EFFECT, RECOVERED = 20.677347, 22.703427
Event = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "run"))


def verdict_of(folder: Path) -> tuple[str, int, list[str]]:
    outcome = measure(folder)
    return outcome["verdict"], outcome["exit_status"], outcome["reasons"]


def rewrite(folder: Path, change: Callable[[Event], Event | None]) -> None:
    """Replace or drop each event of the journal."""
    path = folder / "journal.jsonl"
    events = [change(json.loads(line)) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(event) + "\n" for event in events if event))


def keep(folder: Path, which: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> int:
    """Keep only some records in the shard, as a writer that lost the others would; return the
    number lost."""
    path = folder / "samples" / "0.shard"
    content = path.read_bytes()
    records = np.frombuffer(content, RECORD, offset=HEADER_BYTES)
    kept = records[which(records)]
    head = bytearray(content[:HEADER_BYTES])
    struct.pack_into("<Q", head, 16, len(kept))
    path.write_bytes(bytes(head) + kept.tobytes())
    return len(records) - len(kept)


def unseen(folder: Path) -> None:
    """Remove the polls from the journal, as if the records were lost before any poll."""
    rewrite(folder, lambda event: None if event["kind"] == "poll" else event)


def at(folder: Path, t: float, since: str) -> None:
    """Move the page to `t` in place: measurement sorts by time."""

    def early(event: Event) -> Event:
        return event | {"t": t} if event["kind"] == since and event["subject"] == "a2" else event

    rewrite(folder, early)


def test_the_run_as_it_is_passes(folder: Path) -> None:
    """The unchanged run passes, so that each failure below comes from its defect."""
    assert verdict_of(folder) == ("pass", 0, [])


def test_a_detector_that_fires_in_steady_state(folder: Path) -> None:
    """The run is inconclusive, whatever follows."""
    at(folder, 15.0, "alert.raised")
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert reasons[0] == "the steady state wasn't met: cusum paged for browse at 15.0 s"
    quiet = measure(folder)["quiet"]
    assert (quiet["pages"], quiet["detectors"]["cusum"]["alarms"]) == (1, 1)


def test_a_detector_that_fires_before_the_effect(folder: Path) -> None:
    """A page between order and effect is a false alarm that detects nothing, so `ttd < 5s` doesn't
    hold."""
    at(folder, EFFECT - 0.8, "alert.raised")
    outcome = measure(folder)
    assert (outcome["clocks"]["detect"], outcome["ttd_state"]) == (None, "censored")
    assert (outcome["detectors"]["cusum"]["false_alarms"], outcome["detectors"]["cusum"]["limit_ratio"]) == (
        1,
        None,
    )
    assert (outcome["verdict"], outcome["exit_status"]) == ("fail", 1)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_samples_lost_while_the_load_ran(folder: Path, share: float) -> None:
    """A few lost samples that no poll saw are known to be missing by their planned times."""
    lost = keep(folder, lambda records: np.random.default_rng(7).random(len(records)) >= share)
    unseen(folder)
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) in {("inconclusive", 3), ("fail", 1)}
    (reason,) = [text for text in reasons if "left no record" in text]
    missing = measure(folder)["load"]["missing"]
    assert reason.startswith(f"{missing} of ")
    assert missing > 0.9 * lost  # without its first step a lost second step is unknown


def test_one_lost_sample_is_enough(folder: Path) -> None:
    """A single lost sample of 1,749, in the middle of the outage, makes the run inconclusive."""
    assert keep(folder, lambda records: np.arange(len(records)) != 1000) == 1
    unseen(folder)
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert reasons[0].startswith("1 of ")


def test_a_gap_that_hides_the_outage(folder: Path) -> None:
    """If every failure is lost, no effect shows, and a scenario that expects none still doesn't pass."""
    keep(folder, lambda records: records["error"] == ErrorKind.NONE)
    unseen(folder)
    scenario = (folder / "scenario.yaml").read_text()
    (folder / "scenario.yaml").write_text(scenario[: scenario.index("expect:")] + 'expect: ["!effect"]\n')
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert any("planned requests left no record" in reason for reason in reasons)


def test_samples_lost_after_they_were_seen(folder: Path) -> None:
    """If the polls saw more samples than are left, they are missing, even without the load's plan."""
    keep(folder, lambda records: np.arange(len(records)) < 1700)
    (folder / "samples" / "load.json").unlink()
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert reasons == [
        "1749 records of 0.shard were seen while the load ran, 1700 are left",
        "whether all that was planned was recorded can't be told: samples/load.json is gone",
    ]


def test_a_shard_cut_short(folder: Path) -> None:
    """A shard shorter than the count in its header, as a full disk leaves it, is detected."""
    path = folder / "samples" / "0.shard"
    path.write_bytes(path.read_bytes()[: HEADER_BYTES + 1600 * RECORD.itemsize + 9])
    unseen(folder)
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert reasons[0] == "0.shard is cut short: 1600 of its 1749 records are there"


def test_a_shard_that_is_gone(folder: Path) -> None:
    """A run without any samples doesn't pass."""
    for path in (folder / "samples").glob("0.*"):
        path.unlink()
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert "1749 records of 0.shard were seen while the load ran, 0 are left" in reasons


@pytest.mark.parametrize("size", [0, HEADER_BYTES + 9 * RECORD.itemsize])
def test_a_shard_that_was_never_begun(folder: Path, size: int) -> None:
    """A worker killed before it wrote its shard gives an outcome, not an error of the tool."""
    (folder / "samples" / "0.shard").write_bytes(bytes(size))
    (folder / "samples" / "0.names").write_text("")
    verdict, status, reasons = verdict_of(folder)
    assert (verdict, status) == ("inconclusive", 3)
    assert "1749 records of 0.shard were seen while the load ran, 0 are left" in reasons


def test_a_fault_without_a_revert(folder: Path) -> None:
    """A fault without a revert is left behind, although the clean-up reports clean."""
    rewrite(folder, lambda event: None if event["kind"] == "fault.reverted" else event)
    outcome = measure(folder)
    left = "fault f1 (bad-deploy on pricing), which was never reverted"
    assert (outcome["verdict"], outcome["exit_status"]) == ("error", 5)
    assert outcome["reasons"] == [f"left behind: {left}"]
    assert outcome["cleanup"] == {"clean": False, "left": [left]}
    assert (outcome["faults"][0]["reverted"], outcome["faults"][0]["reverted_by"]) == (None, None)


def test_a_fault_whose_revert_is_only_claimed(folder: Path) -> None:
    """If users keep failing after the journalled revert, the system never recovered."""
    path = folder / "samples" / "0.shard"
    content = bytearray(path.read_bytes())
    records = np.frombuffer(content, RECORD, offset=HEADER_BYTES)
    hurt = (records["planned"] > EFFECT) & (np.arange(len(records)) % 5 == 0)
    records["error"][hurt] = ErrorKind.STATUS
    path.write_bytes(bytes(content))
    outcome = measure(folder)
    assert (outcome["verdict"], outcome["exit_status"], outcome["ttr_state"]) == ("fail", 1, "censored")
    assert outcome["ended_by"] is None
