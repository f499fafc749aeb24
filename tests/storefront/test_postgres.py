"""The Postgres launcher: filled from the template, ended whole, never left behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from storefront import postgres
from storefront.binaries import Account
from tests.storefront import running

pytestmark = pytest.mark.system


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one data directory."""
    with running.open_folder() as made:
        yield made


def started(folder: Path, template: Path) -> tuple["subprocess.Popen[bytes]", list[psutil.Process]]:
    """A launcher and every process under it, once the server answers."""
    environment = {"DATA_DIR": str(folder / "data"), "TEMPLATE_DIR": str(template)}
    process = running.start("postgres", running.free_port(), environment)
    seen = psutil.Process(process.pid)
    running.until(lambda: len(seen.children(recursive=True)) > 3, "the server's own processes are there")
    return process, seen.children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_stopped_server(folder: Path, template: Path, number: signal.Signals) -> None:
    """Asked to stop it ends with status 0 and all its processes; killed, the server goes down with it."""
    launcher, below = started(folder, template)
    status = running.stop(launcher, number)
    assert status == (-number if number == signal.SIGKILL else 0)
    _, alive = psutil.wait_procs(below, timeout=20)
    assert alive == []


def test_the_server_does_not_run_as_root(folder: Path, template: Path) -> None:
    """Where the launcher is root, the server is nobody."""
    launcher, below = started(folder, template)
    try:
        expected = Account.fitting().uid or os.geteuid()
        assert {process.uids().effective for process in below} == {expected}
    finally:
        running.stop(launcher)


def test_a_killed_server_starts_again_on_its_data(folder: Path, template: Path) -> None:
    """After a crash the same data directory is taken up, not filled anew."""
    for _ in range(2):
        launcher, below = started(folder, template)
        (folder / "data" / "mine").touch(exist_ok=True)
        running.stop(launcher, signal.SIGKILL)
        psutil.wait_procs(below, timeout=20)
    assert (folder / "data" / "mine").exists()


def test_a_copy_cut_short_is_made_again(folder: Path, template: Path) -> None:
    """A data directory without its mark is filled from the start; one with it is left alone."""
    data = folder / "data"
    (data / "base").mkdir(parents=True)
    (data / "base" / "half").touch()
    postgres.fill(data, template, Account.fitting())
    assert not (data / "base" / "half").exists()
    assert (data / postgres.MARK).read_text() == (template / postgres.MARK).read_text()
    (data / "kept").touch()
    postgres.fill(data, template, Account.fitting())
    assert (data / "kept").exists()


def test_without_a_template_there_is_a_clear_message(folder: Path) -> None:
    """An empty data directory and no template: the message says how to make one."""
    with pytest.raises(SystemExit, match=r"storefront\.seed"):
        postgres.fill(folder / "data", folder / "none", Account.fitting())
