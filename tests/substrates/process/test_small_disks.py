"""Small file systems of volumes: filled to the last byte, freed, emptied, and gone with their folder."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from gameday.ports import PortError
from gameday.substrates.process import small_disks
from gameday.substrates.process.process_kind import reap
from gameday.substrates.substrate_kind import Traces
from tests.support.postgres_server import server
from tests.support.storefront_services import open_folder

SIZE = 8 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a small file system. Without permission to mount the test is skipped."""
    folder = tmp_path / "run" / "work" / "volumes" / "us-east-data"
    if not small_disks.mount(folder, SIZE):
        give_up = pytest.fail if os.environ.get("GAMEDAY_REQUIRE_MOUNT") else pytest.skip
        give_up("mounting isn't allowed here")
    try:
        yield folder
    finally:
        small_disks.unmount_below(tmp_path)


def test_a_full_disk_takes_no_byte_until_it_is_emptied(disk: Path) -> None:
    """A file can't grow; what is within it can be written again, and the machine's disk has room."""
    log = disk / "log"
    log.write_bytes(bytes(4096))
    small_disks.fill(disk)
    with log.open("r+b", buffering=0) as file:
        file.write(b"x" * 4096)
        with pytest.raises(OSError, match="No space left on device") as raised:
            file.write(b"x" * 4096)
        assert raised.value.errno == errno.ENOSPC
    (disk.parent / "beside").write_bytes(bytes(4096))
    small_disks.empty(disk)
    small_disks.empty(disk)
    (disk / "more").write_bytes(bytes(2**20))


def test_the_machines_own_disk_is_never_filled(tmp_path: Path) -> None:
    """A folder without a file system of its own is refused."""
    with pytest.raises(PortError, match="on the machine's own disk, which isn't filled"):
        small_disks.fill(tmp_path)
    assert not small_disks.mounted(tmp_path)


def test_a_destroyed_volume_keeps_its_file_system(disk: Path) -> None:
    """Its content goes, the ballast too."""
    (disk / "base").mkdir()
    (disk / "base" / "1").touch()
    small_disks.fill(disk)
    small_disks.clear(disk)
    assert list(disk.iterdir()) == []
    assert small_disks.mounted(disk)


def test_the_reaper_unmounts(disk: Path, tmp_path: Path) -> None:
    """A run that was killed leaves no mount, so that its folder can be removed."""
    run = tmp_path / "run"
    assert small_disks.mounted(disk)
    assert reap([Traces("run", run)], 5.0)["run"].left == []
    assert not small_disks.mounted(disk)


async def grow(url: str, rows: int) -> None:
    """Add rows of 4 kB to a table, one by one."""
    connection = await asyncpg.connect(url, timeout=10, command_timeout=20, ssl=False)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS grown (filler text)")
        for _ in range(rows):
            await connection.execute(
                "INSERT INTO grown SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 240)"
            )
    finally:
        connection.terminate()


@pytest.mark.system
def test_a_database_with_a_full_disk_refuses_to_grow_and_recovers() -> None:
    """Postgres reports the full disk at a write and still answers reads; with space again it takes writes."""
    with open_folder() as folder:
        data = folder / "data"
        if not small_disks.mount(data, 96 * 2**20):
            pytest.skip("mounting isn't allowed here")
        try:
            with server(20, data=data) as url:
                asyncio.run(grow(url, 10))
                small_disks.fill(data)
                with pytest.raises(asyncpg.DiskFullError, match="No space left on device"):
                    asyncio.run(grow(url, 2000))
                small_disks.empty(data)
                asyncio.run(grow(url, 10))
        finally:
            small_disks.unmount_below(folder)


def test_without_permission_nothing_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller falls back to a limit on the size of files."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not small_disks.mount(tmp_path / "volume")
