"""Runs that go on now, on this machine: where `gameday abort` finds them from any terminal.

A run is known by its process id and that process's start time, so that a reused id is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Active:
    """One run under way; `created` is the start time of process `pid`, seconds since the epoch."""

    run: str
    pid: int
    created: float
    folder: str


def state() -> Path:
    """Where this user's runs and calibrations of this machine are known."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "gameday"


def folder() -> Path:
    return state() / "active"


@dataclass
class Entry:
    """The file that lists a run."""

    path: Path
    active: Active
    stays: bool = False

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(asdict(self.active)), encoding="utf-8")

    def stay(self) -> None:
        """It outlives the run, which left something, as one that nobody runs: `gameday heal` finds it by that."""
        self.active, self.stays = replace(self.active, pid=0, created=0.0), True
        self.write()


@contextmanager
def registered(run: str, where: Path) -> Iterator[Entry]:
    """Lists this process as the run's for as long as the block lasts."""
    me = Active(run, os.getpid(), psutil.Process().create_time(), str(where.resolve()))
    entry = Entry(folder() / f"{run}.json", me)
    entry.write()
    try:
        yield entry
    finally:
        if not entry.stays:
            entry.path.unlink(missing_ok=True)


def runs() -> list[Active]:
    """Runs whose process still lives; entries of dead ones stay, for `gameday heal` finds by them what they left."""
    alive: list[Active] = []
    for path in sorted(folder().glob("*.json")):
        try:
            found = Active(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, OSError):
            continue
        if _lives(found):
            alive.append(found)
    return alive


def end(run: Active) -> bool:
    """Asks the run to end (SIGTERM: it reverts and takes down). False where it is gone already."""
    if not _lives(run):
        return False
    os.kill(run.pid, signal.SIGTERM)
    return True


def _lives(run: Active) -> bool:
    try:
        return abs(psutil.Process(run.pid).create_time() - run.created) < 0.05
    except (psutil.Error, TypeError, ValueError):
        return False
