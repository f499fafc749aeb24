"""Postgres' binaries: found where they are installed, copied to an open place where the way to them is closed."""

import os
from pathlib import Path

import pytest

from storefront import binaries
from storefront.binaries import Account
from tests.support.storefront_services import open_folder

NOBODY = Account(binaries.UNPRIVILEGED, binaries.UNPRIVILEGED)


def test_the_server_is_inside_the_installed_wheel() -> None:
    """For whoever we are there is a folder with the server and its tools."""
    found = binaries.binaries(Account(None, None))
    assert {"postgres", "initdb", "pg_basebackup", "pg_rewind"} <= {path.name for path in found.iterdir()}


def test_a_closed_folder_on_the_way_is_noticed() -> None:
    """One folder without the x bit for others, anywhere on the way, and another user can't reach it."""
    with open_folder() as folder:
        inner = folder / "closed" / "bin"
        inner.mkdir(parents=True)
        assert NOBODY.reaches(inner / "postgres")
        (folder / "closed").chmod(0o700)
        assert not NOBODY.reaches(inner / "postgres")
        assert Account(None, None).reaches(inner / "postgres")


def installation(folder: Path) -> Path:
    """What a wheel brings, in small."""
    for name in (*binaries.NEEDED, "include"):
        (folder / name).mkdir(parents=True)
    (folder / "bin" / "postgres").touch()
    (folder / "lib" / "libpq.a").touch()
    return folder


def test_binaries_are_copied_once(tmp_path: Path) -> None:
    """The copy holds what running needs and no more, is open to others, and the second call takes it as it is."""
    place = binaries._copied(installation(tmp_path / "wheel"), tmp_path, "1.0")
    assert sorted(path.name for path in place.iterdir()) == sorted(binaries.NEEDED)
    assert not (place / "lib" / "libpq.a").exists()
    assert place.stat().st_mode & 0o777 == 0o755
    (place / "mine").touch()
    assert binaries._copied(tmp_path / "wheel", tmp_path, "1.0") == place
    assert (place / "mine").exists()


def test_a_copy_that_others_can_write_to_is_not_trusted(tmp_path: Path) -> None:
    """Somebody else's folder in the shared place is refused by name, never run."""
    place = binaries._copied(installation(tmp_path / "wheel"), tmp_path, "1.0")
    place.chmod(0o777)
    with pytest.raises(SystemExit, match=str(os.geteuid())):
        binaries._copied(tmp_path / "wheel", tmp_path, "1.0")
