"""The temporary folder of a test session goes with the session, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import session_folder
from tests.support.paths import ROOT
from tests.support.waiting import until

HANGS = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def held():
    yield
    Path("torn-down").touch()

def test_hangs(held):
    Path("runs").touch()
    time.sleep(60)
"""


@contextmanager
def session(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a session whose only test hangs, with `home` as its temporary folder."""
    (home / "test_hangs.py").write_text(HANGS, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "test_hangs.py",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(home)}
    with subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            until((home / "runs").exists, "the test runs")
            yield process
        finally:
            process.kill()


def folders(home: Path) -> list[Path]:
    return list(home.glob(f"{session_folder.PREFIX}*"))


def test_a_terminated_session_tears_down(tmp_path: Path) -> None:
    """SIGTERM, as `timeout` sends it, ends a session as Ctrl-C does: fixtures are torn down, the folder is removed."""
    with session(tmp_path) as process:
        assert len(folders(tmp_path)) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == pytest.ExitCode.INTERRUPTED
    assert (tmp_path / "torn-down").exists()
    assert folders(tmp_path) == []


def test_the_folder_of_a_killed_session_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is alive keeps its folder; one that was killed loses it to the next sweep."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with session(tmp_path) as process:
        session_folder.sweep()
        assert len(folders(tmp_path)) == 1
        process.kill()
        process.wait(30)
        assert len(folders(tmp_path)) == 1
        session_folder.sweep()
        assert folders(tmp_path) == []
