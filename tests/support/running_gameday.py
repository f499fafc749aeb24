"""Runs in progress while a test looks at them, each in its own process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameday.recording.journal import read_journal
from tests.support.whole_runs import GAMEDAY, Run, finished

QUICK = ("--substrate", "process", "--set", "steadyState.for=4s", "--responder", "none")
PATIENCE_S = 90.0


@contextmanager
def under_way(out: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run in its own process; kill it if the test fails before it ended."""
    command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def reached(process: subprocess.Popen[str], out: Path, phase: str) -> str:
    """Wait until the run's journal has `phase`; return the run's id."""
    for _ in range(int(PATIENCE_S / 0.05)):
        for journal in out.glob("*/journal.jsonl"):
            if any(event.kind == "phase" and event.subject == phase for event in read_journal(journal)):
                return journal.parent.name
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the run ended before {phase}: {process.communicate()[0]}")
    pytest.fail(f"{phase} was not reached in {PATIENCE_S:g} s")


def ended(process: subprocess.Popen[str], out: Path) -> Run:
    printed, _ = process.communicate(timeout=PATIENCE_S)
    return finished(out, process.returncode, printed)


def check_interrupted(run: Run) -> None:
    """Check that SIGTERM ended the run in order: teardown, outcome and report of the samples until then."""
    assert run.status == 130
    assert run.outcome["clocks"]["inject"] is not None or not run.events("change.started")
    assert run.outcome["load"]["achieved"]
    assert [event.data["signal"] for event in run.events("run.interrupted")] == ["SIGTERM"]
    assert run.events("run.ended")[0].data["reason"] == "interrupted"
