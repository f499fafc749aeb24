"""The temporary folder of a test session, which all its workers share; it is removed with the session.

A session that is killed leaves its folder behind; the next session removes it, since the lock of a dead session is free.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

PREFIX = "gameday-tests-"
LOCK = "session.lock"

_current: list[Path] = []
_locks: list[IO[bytes]] = []


def make() -> Path:
    """Make the folder of this session and remove those of dead ones; every account can pass through it, as Postgres must."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o711)
    unready = folder / f"new-{LOCK}"
    lock = unready.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _locks.append(lock)
    unready.rename(folder / LOCK)  # only now may another session try the lock
    use(folder)
    return folder


def remove() -> None:
    """Remove the folder of this session and release its lock."""
    shutil.rmtree(_current.pop())
    _locks.pop().close()


def use(folder: Path) -> None:
    """Let the helpers of this process make their folders in `folder`."""
    _current[:] = [folder]


def current() -> Path | None:
    """Return the folder of this session, or None outside of one."""
    return _current[0] if _current else None


def sweep() -> None:
    """Remove the folders of sessions that have ended without removing them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
