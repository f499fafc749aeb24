"""Small file systems of single volumes (tmpfs), which a fault can fill without touching the machine's disk.

They need the permission to mount, as root has it. They lie at the volumes' folders, which are below the run's own
folders, and are unmounted with these.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gameday.host.child_python import FOLDER, minimal_environment
from gameday.ports import PortError

SIZE = 640 * 2**20
"""Bytes of one: a database of 75 MB, the log of a long run, and room to spare."""
BALLAST = "pgsql_tmp.gameday-ballast"
"""Postgres leaves files with this prefix out of copies of its data."""
SPARE = 2**20
"""The last bytes are taken in small steps, since others write at the same time."""
CALL_S = 10.0
MOUNTS = Path("/proc/self/mountinfo")


def mount(folder: Path, size: int = SIZE) -> bool:
    """Mount an empty file system at the folder, which is made; return False if that isn't permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755,nosuid,nodev", "gameday", str(folder)]
    try:
        done = _call(command)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def mounted(folder: Path) -> bool:
    """Return True if a file system is mounted at the folder itself."""
    return folder.resolve() in _mounts()


def fill(folder: Path) -> None:
    """Write until no byte is free. Raise PortError if no file system of its own is mounted there."""
    if not mounted(folder):
        raise PortError(f"{folder} is on the machine's own disk, which isn't filled")
    try:
        with (folder / BALLAST).open("ab") as file:
            while (free := _free(folder)) > 0:
                step = free - SPARE if free > 2 * SPARE else os.sysconf("SC_PAGE_SIZE")
                with suppress(OSError):  # another writer was faster
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)
    except OSError as error:
        raise PortError(f"{folder} can't be filled: {error.strerror}") from error


def empty(folder: Path) -> None:
    """Free what `fill` took; no-op if it took nothing."""
    (folder / BALLAST).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove everything in the folder, but not the folder, where a file system may be mounted."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def unmount_below(folder: Path) -> None:
    """Unmount every file system at or below the folder; one that is in use goes once it isn't."""
    for path in _mounts():
        if path.is_relative_to(folder.resolve()):
            command = ["umount", "-l", str(path)]
            with suppress(OSError, subprocess.TimeoutExpired):
                _call(command)


def _call(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=minimal_environment(), cwd=FOLDER, capture_output=True, timeout=CALL_S, check=False
    )


def _free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _mounts() -> set[Path]:
    return set(_mount_points())


def _mount_points() -> Iterator[Path]:
    with suppress(OSError):
        for line in MOUNTS.read_text(encoding="utf-8").splitlines():
            yield Path(line.split()[4].encode().decode("unicode_escape"))
