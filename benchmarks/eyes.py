"""What a run has on this machine, as the kernel tells it: a benchmark's own eyes, and none of the runner's code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil


def marked(process: psutil.Process, run: str) -> bool:
    try:
        return bool(run) and process.environ().get("GAMEDAY_RUN") == run
    except psutil.Error:
        return False


def line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def runs(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def sockets(process: psutil.Process) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                    yield found[1]


def listening() -> dict[str, int]:
    """Inode → port of everything that listens."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":  # listens
                found[words[9]] = int(words[1].rpartition(":")[2], 16)
    return found


def abstract() -> list[str]:
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split()[-1] for line in lines if "@gameday-" in line]


def segments(creators: set[int] | None = None) -> set[str]:
    """Ids of System V segments: all of them, or those of these creators."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]]
    return {row[1] for row in rows if creators is None or int(row[4]) in creators}


def mapped(process: psutil.Process) -> set[str]:
    """Files in /dev/shm."""
    with suppress(OSError):
        return set(re.findall(r"/dev/shm/\S+", Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")))
    return set()
