"""Tests of the counts of sent, late and unsent requests, and of the steady state."""

from __future__ import annotations

from pathlib import Path

from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.evidence.steady_state import sent
from gameday.recording.samples import ErrorKind, ShardWriter
from tests.support.run_folders import END, Story, write


def run_of(folder: Path, *requests: tuple[ErrorKind, int]) -> Run:
    """Write a run of one request a second, each with its error and attempts."""
    path = write(folder, Story().begin().finish())
    shard = path / "samples" / "load.shard"
    shard.unlink()
    writer = ShardWriter(shard)
    release, journey, step, region = (
        writer.intern(table, "x") for table in ("release", "journey", "step", "region")
    )
    for t, (error, attempts) in enumerate(requests, 3):
        late = float("nan") if error == ErrorKind.NOT_SENT else t + 0.06 * (t == 3)
        writer.append(t, late, late, 1, 0, -1, release, 0, journey, step, region, error, 1, attempts)
    writer.close()
    return read_run(path)


def test_attempts_count_retries(tmp_path: Path) -> None:
    """Attempts count each sent request once, and its retries; unsent requests don't count."""
    some = [(ErrorKind.NONE, 1), (ErrorKind.STATUS, 4), (ErrorKind.CONNECTION, 255), (ErrorKind.NOT_SENT, 0)]
    counts = sent(run_of(tmp_path / "run", *some, (ErrorKind.STATUS, 255)), None)
    assert (counts.planned, counts.achieved, counts.late, counts.not_sent) == (5, 4, 1, 1)
    assert counts.attempts == 1 + 4 + 255 + 255


def test_older_shards_without_attempts_count_each_request_once(tmp_path: Path) -> None:
    """In older shards a sent request with 0 attempts, or without that field, counts as sent once."""
    assert (
        sent(run_of(tmp_path / "run", *[(ErrorKind.NONE, 0)] * 3, (ErrorKind.NOT_SENT, 0)), None).attempts
        == 3
    )


def test_requests_planned_past_the_end_do_not_count(tmp_path: Path) -> None:
    """Requests and attempts count only if they were planned before the load was stopped."""
    requests = [(ErrorKind.STATUS, 2)] * (int(END) + 10)
    counts = sent(run_of(tmp_path / "run", *requests), None)
    assert counts.attempts == 2 * counts.planned == 2 * (int(END) - 2)
