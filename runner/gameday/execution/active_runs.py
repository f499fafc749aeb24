"""The list of runs in progress on this machine, by which `gameday abort` finds them from any terminal.

A run is identified by its process id and by when that process started, so that a reused id is never signalled. The start
is in the kernel's ticks since boot, since the time of day may be set meanwhile.
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
    """A run in progress; `born` distinguishes process `pid` from every other process with that number."""

    run: str
    pid: int
    born: str
    folder: str


def state() -> Path:
    """Return the folder of this user's state on this machine: runs in progress and calibrations."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "gameday"


def api_folder() -> Path:
    """Return the folder with the address and token of the operators' API of each run, one file a run."""
    return state() / "doors"


def key_path(run: str) -> Path:
    """Return the file with the address and token of one run's operators' API."""
    return api_folder() / f"{run}.json"


def folder() -> Path:
    """Return the folder with an entry for each run, one file a run."""
    return state() / "active"


def entry_path(run: str) -> Path:
    """Return the file that lists one run as under way."""
    return folder() / f"{run}.json"


@dataclass
class Entry:
    """The file that lists a run. With `stays` it outlives the run."""

    path: Path
    active: Active
    stays: bool = False

    def write(self) -> None:
        """Write the entry. Raise OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write_json(self.path, asdict(self.active))

    def stay(self) -> None:
        """Keep the entry as one without a process: the run left something behind, which `gameday heal` finds by it."""
        self.active, self.stays = replace(self.active, pid=0, born=""), True
        self.write()


@contextmanager
def registered(run: str, where: Path) -> Iterator[Entry]:
    """List this process as the run's while the block runs. Raise PortError if the entry can't be written."""
    me = Active(run, os.getpid(), born(os.getpid()), str(where.resolve()))
    entry = Entry(folder() / f"{run}.json", me)
    try:
        entry.write()
    except OSError as error:
        # Imported here, since the commands of the on-call read this module and start fast.
        from gameday.ports import PortError

        cure = "set XDG_STATE_HOME to a folder of your own"
        raise PortError(f"the folder of runs in progress can't be written: {error}; {cure}") from error
    try:
        yield entry
    finally:
        if not entry.stays:
            entry.path.unlink(missing_ok=True)


def runs() -> list[Active]:
    """Return the runs whose process is alive. Entries of dead runs stay: by them `gameday heal` finds what is left."""
    alive: list[Active] = []
    for path in sorted(folder().glob("*.json")):
        run = read(path)
        if run and lives(run):
            alive.append(run)
    return alive


def read(path: Path) -> Active | None:
    """Return None if the file isn't a valid entry. Entries written by older versions are treated as dead."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        return Active(str(entry["run"]), int(entry["pid"]), str(entry.get("born", "")), str(entry["folder"]))
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return None


def end(run: Active) -> bool:
    """End a run by SIGTERM, on which it reverts its faults and tears down; return False if it is gone already."""
    if not lives(run):
        return False
    os.kill(run.pid, signal.SIGTERM)
    return True


def lives(run: Active) -> bool:
    """Return True if the run's process is alive."""
    return bool(run.born) and born(run.pid) == run.born


def born(pid: int) -> str:
    """Return the boot id and the ticks from boot to the process's start; "" if the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        return (
            f"{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii').strip()} {int(fields[19])}"
        )
    except (OSError, IndexError, ValueError):
        return ""
