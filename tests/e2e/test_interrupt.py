"""Runs that are ended from outside: everything taken down, all that was seen kept, 130."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.journal import read_journal
from tests.e2e.conftest import GAMEDAY, Run, finished

pytestmark = [pytest.mark.timeout(200)]
QUICK = ("--substrate", "process", "--set", "steadyState.for=4s", "--responder", "none")
PATIENCE_S = 90.0


@contextmanager
def under_way(out: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own; killed where the test fails before it ended."""
    command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def reached(process: subprocess.Popen[str], out: Path, phase: str) -> str:
    """Waits until the run's journal says that it is in `phase`; its id."""
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


@pytest.mark.e2e
def test_sigterm_while_the_fault_is_on(room: Path) -> None:
    """Taken down clean, with outcome and report of what was seen until then."""
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *QUICK) as process:
        reached(process, out, "fault")
        process.send_signal(signal.SIGTERM)
        run = ended(process, out)
    assert run.status == 130
    assert run.outcome["clocks"]["inject"] is not None or not run.events("change.started")
    assert run.outcome["load"]["achieved"]
    assert [event.data["signal"] for event in run.events("run.interrupted")] == ["SIGTERM"]
    assert run.events("run.ended")[0].data["reason"] == "interrupted"


@pytest.mark.full
def test_abort_during_the_start(room: Path) -> None:
    """`gameday abort` finds the run from outside; what had started by then is taken down."""
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *QUICK) as process:
        run_id = reached(process, out, "up")
        said = subprocess.run([*GAMEDAY, "abort", run_id], capture_output=True, text=True, timeout=60, check=True)
        run = ended(process, out)
    assert run_id in said.stdout + said.stderr
    assert run.status == 130
    assert run.outcome["clocks"]["inject"] is None
    assert not run.events("load.started")
