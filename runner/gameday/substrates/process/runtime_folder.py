"""Runtime folder of a run below the system's temporary folder: sockets and password files, and data that must be there.

As root, Postgres runs as an unprivileged account. If the run's own folder is closed to that account (root's home, what
`mktemp -d` makes), the databases' data lie here. The folder's name holds the run's id, so that the reaper and `heal`
find it; only folders of this user's are ever used or removed.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gameday.ports import PortError

UNPRIVILEGED = 65534
"""The account that Postgres runs as if we are root; the storefront's `binaries` has the same."""
LONGEST = 60
"""Characters of the folder's path: a Unix socket's path, which ends in `/12345/.s.PGSQL.12345`, has 107 at most."""


def runtime_folder(run: str) -> Path:
    """Return the run's folder below the first temporary folder that does; `make` makes it. Raise PortError if none."""
    for parent in _temporary_folders():
        folder = parent / f"gameday-{run}"
        if len(str(folder)) <= LONGEST and enterable(folder) and os.access(parent, os.W_OK | os.X_OK):
            return folder
    raise PortError(
        "no temporary folder is writable, open to other accounts and short enough: set TMPDIR to one that is"
    )


def make(folder: Path) -> None:
    """Make the folder unless it is there: closed to others, and as root open to pass through. Raise PortError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _ours(folder):
            raise PortError(f"{folder} belongs to another account: remove it, or set TMPDIR")
        mode = 0o711 if os.geteuid() == 0 else 0o700
        folder.chmod(mode)
        volumes = folder / "volumes"
        volumes.mkdir(exist_ok=True)
        volumes.chmod(mode)  # whatever the umask is
    except OSError as error:
        raise PortError(f"can't make the run's temporary folder {folder}: {error.strerror}") from None


@contextmanager
def tried_folder(work: Path) -> Iterator[Path]:
    """Yield an empty folder of the account that Postgres runs as, where a run below `work` keeps its data.

    The folder is removed at the end. Raise OSError or PortError if it can't be made.
    """
    run = f"doctor-{os.getpid()}"
    outer = work / f".gameday-{run}" if enterable(work / "x") else runtime_folder(run)
    if outer.parent == work:
        outer.mkdir(mode=0o711)
    else:
        make(outer)
    try:
        folder = outer / "data"
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        yield folder
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def existing(run: str) -> Iterator[Path]:
    """Yield the run's folders that exist, in every temporary folder that a run may have used."""
    for parent in _temporary_folders() if "/" not in run else ():
        folder = parent / f"gameday-{run}"
        if _ours(folder):
            yield folder


def remove(folder: Path) -> bool:
    """Remove the folder if it is ours; return True if nothing is left of it."""
    if _ours(folder):
        shutil.rmtree(folder, ignore_errors=True)
    return not _ours(folder)


def enterable(path: Path) -> bool:
    """Return True if the account that Postgres runs as may pass through every folder above `path` that exists."""
    if os.geteuid() != 0:
        return True
    folders = [parent for parent in path.resolve().parents if parent.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _temporary_folders() -> list[Path]:
    """Return the folders that may hold it: the user's own choice first, then the system's, for a
    `heal` without that choice."""
    folders = [tempfile.gettempdir(), "/tmp", "/var/tmp"]  # noqa: S108 - what is made there is checked for its owner
    return list(dict.fromkeys(Path(folder).resolve() for folder in folders))


def _ours(folder: Path) -> bool:
    with suppress(OSError):
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False
