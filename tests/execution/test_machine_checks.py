"""`gameday doctor`: each check does what a run needs, and names the cure, which works."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest

from gameday.execution import active_runs, machine_checks
from gameday.execution.preparation import LEAST_HANDLES, ensure_writable
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let state and cache be in a folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def check(name: str) -> machine_checks.Check:
    return next(one for one in machine_checks.checks() if one.name == name)


@pytest.mark.parametrize(
    ("name", "variable"), [("state folder", "XDG_STATE_HOME"), ("cache", "XDG_CACHE_HOME")]
)
def test_a_folder_that_cannot_be_written_is_missing(
    folders: Path, monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    """A home that can't be written fails the check, which names the variable; with it set, all is well."""
    (folders / "file").touch()
    monkeypatch.setenv(variable, str(folders / "file"))
    failed = check(name)
    assert (failed.ok, failed.needed) == (False, True)
    assert f"set {variable} to a folder of your own" in failed.says
    monkeypatch.setenv(variable, str(folders / "other"))
    assert check(name).ok


def test_a_run_without_a_state_folder_names_the_cure(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says which folder it is, not that its own can't be written."""
    (folders / "state").touch()
    with pytest.raises(PortError, match="set XDG_STATE_HOME to a folder of your own"):
        with active_runs.registered("r1", folders):
            pass


def test_few_open_files_are_refused_before_anything_starts(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ulimit -n 64` fails the check and the run, with the command that helps."""
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (64, 4096))
    failed = check("open files")
    assert not failed.ok
    assert f"ulimit -n {2 * LEAST_HANDLES}" in failed.says
    with pytest.raises(Invalid, match="only 64 files may be open at once"):
        ensure_writable(folders / "runs")


def test_little_shared_memory_fails_with_its_cure(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A /dev/shm of 1 MB fails the check."""
    usage = shutil.disk_usage(folders)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage._replace(free=2**20) if path == "/dev/shm" else usage
    )
    failed = check("shared memory")
    assert not failed.ok
    assert "--shm-size=256m" in failed.says
