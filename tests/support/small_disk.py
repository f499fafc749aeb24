"""A small file system for one test, which it can fill to the last byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a disk of `size` bytes at `folder`. Without permission to mount the test is skipped;
    with GAMEDAY_REQUIRE_MOUNT it fails."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if mounted.returncode:
        give_up = pytest.fail if os.environ.get("GAMEDAY_REQUIRE_MOUNT") else pytest.skip
        give_up(f"mounting isn't allowed here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, timeout=10, check=True)


def fill(disk: Path, left: int = 0) -> Path:
    """Write a file that takes all room but `left` bytes, in whole pages, also while others write.

    All but the last megabyte takes a while; the last one is quick, and is retried if another writer
    was faster.
    """
    filler = disk / "filler"
    with filler.open("wb") as file:
        for spare in (left + 2**20, *[left] * 200):
            if (more := room(disk) - spare) > 0:
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), more)
    assert room(disk) - left < 2**16
    return filler


def room(disk: Path) -> int:
    """Return the free bytes."""
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize
