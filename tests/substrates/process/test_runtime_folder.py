"""The run's folder below the system's temporary folder: its owner, its permissions, and when data
must be in it."""

from __future__ import annotations

import os
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.process import runtime_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run Postgres")


@pytest.fixture
def run() -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    for folder in runtime_folder.existing(name):
        runtime_folder.remove(folder)


@pytest.fixture
def open_temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The system's temporary folder for this test, short and open to all; `tmp_path` is made first."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="g") as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_it_is_made_closed_and_found_by_the_runs_id(run: str) -> None:
    """Other accounts can at most pass through; `existing` returns the folder, `remove` removes it
    with its content."""
    folder = runtime_folder.runtime_folder(run)
    runtime_folder.make(folder)
    runtime_folder.make(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    (folder / "sub").mkdir()
    assert folder in list(runtime_folder.existing(run))
    assert runtime_folder.remove(folder)
    assert not folder.exists()
    assert list(runtime_folder.existing(run)) == []


@as_root
def test_a_folder_that_another_account_made_is_refused_and_kept(run: str, open_temporary: Path) -> None:
    """A folder of another account is refused and kept, since any account can take a name in a
    temporary folder."""
    folder = runtime_folder.runtime_folder(run)
    folder.mkdir()
    os.chown(folder, 54321, 54321)
    with pytest.raises(PortError, match="belongs to another account"):
        runtime_folder.make(folder)
    runtime_folder.remove(folder)
    assert folder.is_dir()


def test_a_link_in_its_place_is_refused(run: str, open_temporary: Path, tmp_path: Path) -> None:
    """A symbolic link is refused; nothing is made or removed behind it."""
    folder = runtime_folder.runtime_folder(run)
    (tmp_path / "kept").touch()
    folder.symlink_to(tmp_path)
    with pytest.raises(PortError, match="belongs to another account"):
        runtime_folder.make(folder)
    runtime_folder.remove(folder)
    assert (tmp_path / "kept").exists()


def test_a_path_too_long_for_a_socket_is_not_taken(
    run: str, monkeypatch: pytest.MonkeyPatch, open_temporary: Path
) -> None:
    """A path is rejected if it is too long for a Unix socket: at most 107 characters."""
    deep = open_temporary / ("x" * 60)
    deep.mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert len(str(runtime_folder.runtime_folder(run))) <= runtime_folder.LONGEST


@as_root
def test_a_closed_folder_on_the_way_is_seen(open_temporary: Path) -> None:
    """A folder that Postgres' account can't enter, as `mktemp -d` or root's home, is recognised."""
    closed = open_temporary / "closed"
    closed.mkdir(mode=0o700)
    assert not runtime_folder.enterable(closed / "run" / "work")
    closed.chmod(0o711)
    assert runtime_folder.enterable(closed / "run")


def test_a_path_in_place_of_a_name_matches_no_folder(tmp_path: Path) -> None:
    """A run's name is one path component; a path matches no folder."""
    assert list(runtime_folder.existing(f"x/../../{tmp_path}")) == []


def test_the_doctors_folder_is_gone_afterwards(open_temporary: Path) -> None:
    """`tried_folder` leaves nothing behind, below an open folder and below a closed one."""
    for mode in (0o755, 0o700):
        work = open_temporary / f"work-{mode}"
        work.mkdir(mode=mode)
        with runtime_folder.tried_folder(work) as folder:
            assert folder.stat().st_uid == (
                runtime_folder.UNPRIVILEGED if os.geteuid() == 0 else os.geteuid()
            )
            assert runtime_folder.enterable(folder)
        assert list(work.iterdir()) == []
        assert not folder.parent.exists()
