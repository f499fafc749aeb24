"""Stub of a lane's process for tests: it plays trials without a run, and behaves as the seed says."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gameday.execution.suites import parallel_workers
from gameday.execution.system_reuse import Signals, SystemReuse
from gameday.execution.trial import Options, Trial
from gameday.ports import PortError

TELL, FAIL, WAIT, HURT, DIE = range(5)


def play(trial: Trial, options: Options, out: Path, kept: SystemReuse, signals: Signals) -> Mapping[str, Any]:
    match trial.seed:
        case 1:
            raise PortError("no space left")
        case 2 | 3:
            return waited(out, signals, alone=trial.seed == HURT)
        case 4:
            os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid(), "out": str(out), "then": kept.then}


def waited(out: Path, signals: Signals, alone: bool) -> Mapping[str, Any]:
    """Wait for a signal; with `alone`, the process sends it to itself."""
    over = threading.Event()
    with signals.to(lambda name: over.set()):
        out.touch()
        if alone:
            os.kill(os.getpid(), signal.SIGHUP)
        if over.wait(30):
            out.unlink()
    return {"asked": signals.asked}


def serve(line: Connection) -> None:
    setattr(parallel_workers, "play", play)  # noqa: B010  (a name that it doesn't offer)
    parallel_workers.serve(line)
