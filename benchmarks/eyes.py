"""Resources of a run on this machine, read from the kernel without any of the runner's code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

SHARED = Path("/dev/shm")


def marked(process: psutil.Process, run: str) -> bool:
    try:
        return bool(run) and process.environ().get("GAMEDAY_RUN") == run
    except psutil.Error:
        return False


def line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def reapers(runner: int) -> list[psutil.Process]:
    """Return the reapers that were started for a runner."""
    return [p for p in psutil.process_iter() if f"gameday.reaper {runner} " in line(p)]


def runs(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def sockets(process: psutil.Process) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                    yield match[1]


def listening() -> dict[str, int]:
    """Return inode → port of every listening socket."""
    by_name = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":  # listens
                by_name[words[9]] = int(words[1].rpartition(":")[2], 16)
    return by_name


def abstract() -> list[str]:
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split()[-1] for line in lines if "@gameday-" in line]


def shared() -> set[str]:
    """Return all shared memory of the machine: System V segments with their creators, and the files
    in /dev/shm."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]]
    return {f"segment {row[1]} of process {row[4]}" for row in rows} | {
        str(path) for path in SHARED.iterdir()
    }
