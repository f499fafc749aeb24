"""A disk of a test's own that can be filled to the last byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Of `size` bytes, at `folder`. Where mounting isn't allowed it is skipped; with GAMEDAY_REQUIRE_MOUNT it fails."""
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
    """A file that takes all room but `left` bytes, in whole pages."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - left))
    return filler
