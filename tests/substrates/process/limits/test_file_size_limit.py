"""File size limits of another process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.substrates.process.limits import file_size_limit

SIZES = resource.RLIMIT_FSIZE


def run_limit(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, file_size_limit.__file__, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def test_cap_and_lift(other: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """The limit is the largest file's size, or the given minimum; only the soft limit is set, so
    that it can be lifted."""
    before = resource.prlimit(other.pid, SIZES)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "large").write_bytes(b"x" * 5000)
    (tmp_path / "small").write_bytes(b"x" * 50)
    assert run_limit("cap", 100, "--folder", tmp_path, "--pid", other.pid).returncode == 0
    assert resource.prlimit(other.pid, SIZES) == (5000, before[1])
    assert run_limit("cap", 9000, "--folder", tmp_path, "--pid", other.pid).returncode == 0
    assert resource.prlimit(other.pid, SIZES) == (9000, before[1])
    assert run_limit("lift", "--pid", other.pid).returncode == 0
    assert resource.prlimit(other.pid, SIZES) == before


def test_an_ended_process_is_skipped(other: subprocess.Popen[bytes]) -> None:
    """A process that ended meanwhile is skipped."""
    assert run_limit("cap", 100, "--pid", 2**22 + 1, "--pid", other.pid).returncode == 0
    assert resource.prlimit(other.pid, SIZES)[0] == 100


def test_a_process_that_ends_before_its_owner_limits_it(
    other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without permission to limit another process, a child process tries again; the target may have
    ended by then."""
    parent = os.getpid()

    def limit(pid: int, size: int | None) -> None:
        raise PermissionError if os.getpid() == parent else ProcessLookupError

    monkeypatch.setattr(file_size_limit, "limit", limit)
    monkeypatch.setattr(os, "setgroups", lambda groups: None)
    monkeypatch.setattr(sys, "argv", ["filecap.py", "cap", "100", "--pid", str(other.pid)])
    file_size_limit.main()
