"""Backups: made of the primary, served, and restored where the data is gone and nobody has it."""

import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from storefront import volume
from storefront.binaries import Account
from storefront.leadership import Backup
from tests.support import storefront_regions, storefront_services
from tests.support.storefront_regions import Databases
from tests.support.waiting import until

US, EU = storefront_regions.REGIONS[:2]

TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"

pytestmark = pytest.mark.system


@pytest.fixture
def address() -> str:
    """Where the backup service is."""
    return f"http://{storefront_services.HOST}:{storefront_services.free_port()}"


@pytest.fixture
def up(template: Path, address: str) -> Iterator[Databases]:
    """Two databases that know of the backup service; it isn't up yet."""
    with storefront_regions.databases(template, (US, EU), BACKUP_URL=address) as made:
        yield made


@pytest.fixture
def kept(up: Databases, address: str) -> Iterator[Databases]:
    """The same, with the backup service, which makes one backup and then none for an hour."""
    environment = {"DATABASES": up.urls, "BACKUP_EVERY": "3600", "DATA_DIR": str(up.folder / "backup")}
    up.place(US, "backed-up")
    process = storefront_services.start("backup", int(address.rpartition(":")[2]), environment)
    try:
        until(
            lambda: volume.backed_up(address, storefront_services.TOKEN) is Backup.SOME, "a backup is there"
        )
        yield up
    finally:
        assert storefront_services.stop(process) == 0


def test_while_there_is_no_backup_it_says_so(address: str) -> None:
    """404, as long as no database takes writes."""
    with storefront_services.open_folder() as folder:
        environment = {
            "DATABASES": f"us-east=postgresql://replica@{storefront_services.HOST}:1/shop",
            "DATA_DIR": str(folder),
        }
        process = storefront_services.start("backup", int(address.rpartition(":")[2]), environment)
        try:
            headers = {"Authorization": f"Bearer {storefront_services.TOKEN}"}
            assert requests.get(f"{address}/base.tar", headers=headers, timeout=5).status_code == 404
            assert volume.backed_up(address, storefront_services.TOKEN) is Backup.NONE
        finally:
            storefront_services.stop(process)


def test_a_backup_is_for_operators_only(kept: Databases, address: str) -> None:
    """It holds the whole database, what is kept of passwords too."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = requests.get(f"{address}/base.tar", headers=headers, timeout=5)
        assert (answer.status_code, len(answer.content) < 200) == (401, True)


def takes_writes(databases: Databases, region: str) -> bool:
    return databases.answers(region) and databases.ask(region, "SELECT pg_is_in_recovery()") is False


def test_a_region_whose_data_is_gone_everywhere_is_restored(kept: Databases) -> None:
    """From the backup, without what came later; a standby that had come further gives that up and follows."""
    kept.place(US, "later")
    kept.await_caught_up(US, EU)
    kept.kill(EU)
    kept.kill(US)
    kept.destroy(US)
    kept.start(US)
    until(lambda: takes_writes(kept, US), "it takes writes")
    assert kept.orders(US) == {"backed-up"}
    assert kept.ask(US, TIMELINE) == "00000002", "on the old one the standby has come further"
    kept.place(US, "new")
    kept.start(EU)
    kept.await_caught_up(US, EU)
    assert kept.orders(EU) == {"backed-up", "new"}


def test_a_standby_is_better_than_a_backup(kept: Databases) -> None:
    """While a standby has the data, nothing is lost with the primary's volume."""
    kept.place(US, "later")
    kept.await_caught_up(US, EU)
    kept.kill(US)
    kept.destroy(US)
    kept.start(US)
    until(lambda: takes_writes(kept, US), "it takes writes")
    assert kept.orders(US) == {"backed-up", "later"}
    kept.await_caught_up(US, EU)


def test_a_standby_is_copied_though_the_backup_store_is_gone(up: Databases) -> None:
    """The backup store isn't asked: the data are there."""
    up.place(US, "later")
    up.await_caught_up(US, EU)
    up.kill(US)
    up.destroy(US)
    up.start(US)
    until(lambda: takes_writes(up, US), "it takes writes")
    assert up.orders(US) == {"later"}


class CutShort(BaseHTTPRequestHandler):
    """Promises more than it sends, cut where one file of the archive ends and the next begins."""

    def do_GET(self) -> None:
        """A tar file with one file in it, without its end."""
        bytes_i_o = io.BytesIO()
        with tarfile.open(fileobj=bytes_i_o, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("PG_VERSION"))
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(bytes_i_o.getvalue()[:512])

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_half_a_backup_is_none(tmp_path: Path) -> None:
    """An archive that ends early is refused, and the data directory has no database in it."""
    with HTTPServer((storefront_services.HOST, 0), CutShort) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(RuntimeError, match="can't be restored"):
                volume.restore(
                    tmp_path / "data",
                    f"http://{storefront_services.HOST}:{server.server_port}",
                    storefront_services.TOKEN,
                    Account(None, None),
                )
        finally:
            server.shutdown()
            thread.join()
    assert volume.empty(tmp_path / "data")
