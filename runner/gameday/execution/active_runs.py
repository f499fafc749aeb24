"""Runs that go on now, on this machine: where `gameday abort` finds them from any terminal.

A run is known by its process id and by when that process began, so that a reused id is never signalled. That is told
in the kernel's own ticks: the time of day may be set meanwhile.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gameday.recording import atomic_file


@dataclass(frozen=True)
class Active:
    """One run under way; `born` tells process `pid` from every other that had or will have its number."""

    run: str
    pid: int
    born: str
    folder: str


def state() -> Path:
    """Where this user's runs and calibrations of this machine are known."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "gameday"


def api_folder() -> Path:
    """Return the folder with the address and token of the operators' API of each run, one file a run."""
    return state() / "doors"


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
        atomic_file.write_json(self.path, asdict(self.active))

    def stay(self) -> None:
        """It outlives the run, which left something, as one that nobody runs: `gameday heal` finds it by that."""
        self.active, self.stays = replace(self.active, pid=0, born=""), True
        self.write()


@contextmanager
def registered(run: str, where: Path) -> Iterator[Entry]:
    """Lists this process as the run's for as long as the block lasts."""
    me = Active(run, os.getpid(), born(os.getpid()), str(where.resolve()))
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
        found = read(path)
        if found and lives(found):
            alive.append(found)
    return alive


def read(path: Path) -> Active | None:
    """None where it isn't an entry. One of an older gameday, which told the time of day, counts as nobody's."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Active(str(found["run"]), int(found["pid"]), str(found.get("born", "")), str(found["folder"]))
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return None


def end(run: Active) -> bool:
    """Asks the run to end (SIGTERM: it reverts and takes down). False where it is gone already."""
    if not lives(run):
        return False
    os.kill(run.pid, signal.SIGTERM)
    return True


def lives(run: Active) -> bool:
    """Whether the process of that number is still the one that it was."""
    return bool(run.born) and born(run.pid) == run.born


def born(pid: int) -> str:
    """The machine's boot, and how many ticks after it the process began; '' where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        return (
            f"{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii').strip()} {int(fields[19])}"
        )
    except (OSError, IndexError, ValueError):
        return ""
