"""The run's folder below the system's temporary folder: whose it is, who may enter it, when data must lie there."""

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
    """The system's temporary folder of this test, short and open to all; `tmp_path` is made before."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="g") as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_it_is_made_closed_and_found_by_the_runs_id(run: str) -> None:
    """Others may at most pass through; `existing` finds it, `remove` removes it with all in it."""
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
    """NameTable in a temporary folder can be taken by anyone."""
    folder = runtime_folder.runtime_folder(run)
    folder.mkdir()
    os.chown(folder, 54321, 54321)
    with pytest.raises(PortError, match="belongs to another account"):
        runtime_folder.make(folder)
    runtime_folder.remove(folder)
    assert folder.is_dir()


def test_a_link_in_its_place_is_refused(run: str, open_temporary: Path, tmp_path: Path) -> None:
    """Nothing is made or removed behind a symbolic link."""
    folder = runtime_folder.runtime_folder(run)
    (tmp_path / "kept").touch()
    folder.symlink_to(tmp_path)
    with pytest.raises(PortError):
        runtime_folder.make(folder)
    runtime_folder.remove(folder)
    assert (tmp_path / "kept").exists()


def test_a_path_too_long_for_a_socket_is_not_taken(
    run: str, monkeypatch: pytest.MonkeyPatch, open_temporary: Path
) -> None:
    """A Unix socket's path has 107 characters at most."""
    deep = open_temporary / ("x" * 60)
    deep.mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert len(str(runtime_folder.runtime_folder(run))) <= runtime_folder.LONGEST


@as_root
def test_a_closed_folder_on_the_way_is_seen(open_temporary: Path) -> None:
    """What `mktemp -d` makes and root's home are closed to the account that Postgres runs as."""
    closed = open_temporary / "closed"
    closed.mkdir(mode=0o700)
    assert not runtime_folder.enterable(closed / "run" / "work")
    closed.chmod(0o711)
    assert runtime_folder.enterable(closed / "run")


def test_names_that_lead_elsewhere_find_nothing(tmp_path: Path) -> None:
    """A run's name is one name, never a path."""
    assert list(runtime_folder.existing(f"x/../../{tmp_path}")) == []


def test_the_doctors_folder_is_gone_afterwards(open_temporary: Path) -> None:
    """`tried_folder` leaves nothing, below an open folder and below a closed one."""
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
