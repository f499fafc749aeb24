"""The Postgres launcher: filled from the template, ended whole, never left behind."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from storefront import postgres, runtime, volume
from storefront.binaries import Account
from storefront.launch import Launch
from storefront.leadership import Order, Times
from tests.support import storefront_services
from tests.support.waiting import until

pytestmark = pytest.mark.system


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one data directory."""
    with storefront_services.open_folder() as made:
        yield made


def started(folder: Path, template: Path) -> tuple["subprocess.Popen[bytes]", list[psutil.Process]]:
    """A launcher and every process under it, once the server answers."""
    environment = {"DATA_DIR": str(folder / "data"), "TEMPLATE_DIR": str(template)}
    process = storefront_services.start("postgres", storefront_services.free_port(), environment)
    seen = psutil.Process(process.pid)
    until(lambda: len(seen.children(recursive=True)) > 3, "the server's own processes are there")
    return process, seen.children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_stopped_server(folder: Path, template: Path, number: signal.Signals) -> None:
    """Asked to stop it ends with status 0 and all its processes; killed, the server goes down with it."""
    launcher, below = started(folder, template)
    status = storefront_services.stop(launcher, number)
    assert status == (-number if number == signal.SIGKILL else 0)
    _, alive = psutil.wait_procs(below, timeout=20)
    assert alive == []


def effective(processes: Iterable[psutil.Process]) -> set[int]:
    """Whose they are, those that are there no more left out: a server's answer to a call has a process of its own."""
    found = set[int]()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.uids().effective)
    return found


def test_the_server_does_not_run_as_root(folder: Path, template: Path) -> None:
    """Where the launcher is root, the server is nobody."""
    launcher, below = started(folder, template)
    try:
        expected = Account.fitting().uid or os.geteuid()
        assert effective(below) == {expected}
    finally:
        storefront_services.stop(launcher)


def test_a_killed_server_starts_again_on_its_data(folder: Path, template: Path) -> None:
    """After a crash the same data directory is taken up, not filled anew."""
    for _ in range(2):
        launcher, below = started(folder, template)
        (folder / "data" / "mine").touch(exist_ok=True)
        storefront_services.stop(launcher, signal.SIGKILL)
        psutil.wait_procs(below, timeout=20)
    assert (folder / "data" / "mine").exists()


def test_a_copy_cut_short_is_made_again(folder: Path, template: Path) -> None:
    """A data directory without its mark is filled from the start; one with it is left alone."""
    data = folder / "data"
    (data / "base").mkdir(parents=True)
    (data / "base" / "half").touch()
    volume.fill(data, template, Account.fitting())
    assert not (data / "base" / "half").exists()
    assert (data / volume.MARK).read_text() == (template / volume.MARK).read_text()
    (data / "kept").touch()
    volume.fill(data, template, Account.fitting())
    assert (data / "kept").exists()


def test_without_a_template_there_is_a_clear_message(folder: Path) -> None:
    """An empty data directory and no template: the message says how to make one."""
    with pytest.raises(SystemExit, match=r"storefront\.seed"):
        volume.fill(folder / "data", folder / "none", Account.fitting())


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes every call and says nothing."""
    with socket.create_server((storefront_services.HOST, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, folder: Path, template: Path, silent: int) -> Iterator[Launch]:
    """A launcher of the first region, whose one peer is silent."""
    monkeypatch.setattr(Times, "word_s", 0.0)
    values = {
        "REGION": "us-east", "PRIMARY": "us-east", "DATA_DIR": str(folder / "data"), "TEMPLATE_DIR": str(template),
        "DATABASES": f"eu-west=postgresql://replica@{storefront_services.HOST}:{silent}/shop",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    account = Account.fitting()
    with runtime.runtime_folder(account) as private:
        yield Launch.from_environment(private, account)


@pytest.mark.parametrize("data", [False, True])
def test_a_database_does_not_lead_while_a_peer_may(told: Launch, template: Path, data: bool) -> None:
    """A peer that takes the call and says nothing may take writes, whether this one has data or none."""
    if data:
        postgres.prepare(replace(told, order=Order(1, "us-east", new=True)))
        assert not (told.data / volume.FOLLOWS).exists()
        assert volume.term(told.data) == 1
    with pytest.raises(
        SystemExit, match="no word from the database of eu-west, which may take writes by now"
    ):
        postgres.prepare(told)


def test_a_database_that_is_known_to_be_down_is_not_waited_for(told: Launch) -> None:
    """By the operators' word: over a link that is cut it seems silent."""
    postgres.prepare(replace(told, order=Order(3, "us-east", stopped=frozenset({"eu-west"}))))
    assert not (told.data / volume.FOLLOWS).exists()
    assert volume.term(told.data) == 3


@pytest.mark.parametrize(("new", "term"), [(True, 1), (False, 0)])
def test_another_regions_database_starts_as_a_standby(told: Launch, new: bool, term: int) -> None:
    """From the template, waiting for the primary: no copy over the network is needed at the first start.

    Later it knows no term with it: the template is nothing of the system's.
    """
    postgres.prepare(replace(told, order=Order(1, "eu-west", new=new)))
    assert (told.data / volume.FOLLOWS).exists()
    assert "application_name=us-east" in (told.data / volume.SETTINGS).read_text()
    assert volume.term(told.data) == term


def test_a_standbys_data_leads_on_a_timeline_of_its_own(told: Launch) -> None:
    """What was a standby when it was left may be behind others: its end must not be taken for theirs."""
    alone = replace(told, peers=())
    environment = {
        "DATA_DIR": str(told.data),
        "TEMPLATE_DIR": str(told.template),
        "PRIMARY": "eu-west",
        "FIRST_START": "yes",
    }
    storefront_services.stop(
        storefront_services.start("postgres", storefront_services.free_port(), environment)
    )
    postgres.prepare(alone)
    assert (told.data / volume.RECOVERS).exists()
