"""Runs that are ended from outside: system torn down, samples kept, exit status 130."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.running_gameday import QUICK, check_interrupted, ended, reached, under_way
from tests.support.whole_runs import GAMEDAY

pytestmark = [pytest.mark.e2e, pytest.mark.full, pytest.mark.timeout(200)]


def test_sigterm_while_the_fault_is_on(room: Path) -> None:
    """The teardown is complete, with outcome and report of the samples until then."""
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *QUICK) as process:
        reached(process, out, "fault")
        process.send_signal(signal.SIGTERM)
        run = ended(process, out)
    check_interrupted(run)


def test_abort_during_the_start(room: Path) -> None:
    """`gameday abort` finds the run from outside, and all started instances are torn down."""
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *QUICK) as process:
        run_id = reached(process, out, "up")
        abort = subprocess.run(
            [*GAMEDAY, "abort", run_id], capture_output=True, text=True, timeout=60, check=True
        )
        run = ended(process, out)
    assert run_id in abort.stdout + abort.stderr
    assert run.status == 130
    assert run.outcome["clocks"]["inject"] is None
    assert not run.events("load.started")
