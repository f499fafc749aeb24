"""Limits on running instances, on every substrate: processor time, memory and files, and pauses of
whole process trees."""

from __future__ import annotations

import http.client
import time
from contextlib import suppress
from functools import partial

import pytest

from gameday.ports import Instance, PortError
from tests.support.substrate_lab import Runs, ask
from tests.support.waiting import until

NO_ANSWER = (OSError, http.client.HTTPException)
MIB = 1024**2


def death(runs: Runs) -> tuple[Instance, str]:
    """Return the next death that is reported."""
    ended: list[tuple[Instance, str]] = []

    def reported() -> bool:
        ended.extend(runs.substrate.died())
        return bool(ended)

    until(reported, "the death is reported")
    return ended[0]


def starve(runs: Runs, instance: Instance, mebibytes: int) -> None:
    """Let the instance allocate memory until it is killed for it."""
    address = runs.substrate.address(instance)
    with suppress(*NO_ANSWER):
        while ask(address, f"/grow?{mebibytes}"):
            mebibytes = 0


@pytest.mark.needs_process("memory")
def test_declared_memory_is_enforced(runs: Runs) -> None:
    """An instance that exceeds the compose file's mem_limit is killed and reported, with the limit
    in the text."""
    front = runs.start("front")
    starve(runs, front, 192)
    instance, why = death(runs)
    assert instance == front
    assert why.startswith("out of memory: ")
    assert "128.0 MiB allowed" in why.splitlines()[0]
    assert why.endswith(f"{front.id} listens")
    assert front not in runs.substrate.instances()


@pytest.mark.needs_process("memory")
def test_limited_memory(runs: Runs) -> None:
    """A tighter limit takes effect at once; after lifting it the declared limit applies again."""
    front, other = runs.start("front"), runs.start("front")
    for instance in (front, other):
        runs.substrate.limit(instance, memory=56 * MIB)
    runs.substrate.unlimit(other)
    assert runs.ask(other, "/grow?64") == 64 * MIB
    starve(runs, front, 64)
    instance, why = death(runs)
    assert (instance, "56.0 MiB allowed" in why) == (front, True)
    assert runs.ask(other, "/healthz")["instance"] == other.id
    starve(runs, other, 100)
    assert "128.0 MiB allowed" in death(runs)[1]


@pytest.mark.needs_process("memory")
def test_less_memory_than_it_has(runs: Runs) -> None:
    """An instance that already uses more than a new limit is out of memory at once."""
    front = runs.start("front")
    runs.ask(front, "/grow?80")
    runs.substrate.limit(front, memory=48 * MIB)
    assert death(runs)[1].startswith("out of memory: ")


@pytest.mark.needs_process("memory")
def test_memory_without_a_declared_bound(runs: Runs) -> None:
    """An instance without mem_limit is bounded only while a limit is active."""
    web = runs.start("web")
    runs.substrate.limit(web, memory=64 * MIB)
    runs.substrate.unlimit(web)
    assert runs.ask(web, "/grow?96") == 96 * MIB
    assert runs.ask(web, "/work?0.6") > 0
    assert list(runs.substrate.died()) == []


@pytest.mark.needs_process("processor time")
def test_processor_time(runs: Runs) -> None:
    """A tenth of a core is a tenth of the time; the limit can be changed and lifted while the
    instance works."""
    web = runs.start("web")
    runs.substrate.limit(web, cpus=0.1)
    assert any(runs.ask(web, "/work?1") < 0.25 for _ in range(3))
    runs.substrate.limit(web, cpus=2)
    until(lambda: runs.ask(web, "/work?1") >= 0.25, "it gets over a quarter of a core")
    runs.substrate.limit(web, cpus=0.1)
    assert any(runs.ask(web, "/work?1") < 0.25 for _ in range(3))
    runs.substrate.unlimit(web)
    until(lambda: runs.ask(web, "/work?1") >= 0.25, "it gets over a quarter of a core")


def test_a_throttled_instance_is_stopped_and_killed(runs: Runs) -> None:
    """A throttled instance can still be stopped, killed and paused."""
    killed, stopped = runs.start("web"), runs.start("web")
    for instance in (killed, stopped):
        runs.substrate.limit(instance, cpus=0.05)
        runs.ask(instance, "/work?0.1")
    runs.substrate.pause(stopped)
    runs.substrate.kill(killed)
    runs.substrate.stop(stopped, 5)
    assert list(runs.substrate.instances()) == []
    for instance in (killed, stopped):
        runs.substrate.unlimit(instance)


@pytest.mark.needs_process("files")
def test_files(runs: Runs) -> None:
    """No file grows beyond the largest existing one until the limit is lifted; writes that fit
    succeed."""
    keeper = Keeper(runs)
    assert keeper.fill(300_000) == "written"
    keeper.cap()
    assert keeper.fill(400_000) == "File too large"
    assert keeper.fill(300_000) == "written"
    runs.substrate.unlimit(keeper.instance)
    assert keeper.fill(400_000) == "written"


class Keeper:
    """A service that isn't a database and keeps data, in the edge's pseudo-region."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.instance = runs.start("ledger", "edge")

    def fill(self, size: int) -> object:
        return self.runs.ask(self.instance, f"/fill?{size}")

    def cap(self) -> None:
        self.runs.substrate.cap_files(self.instance)


@pytest.mark.needs_process("files")
def test_files_of_a_database(runs: Runs) -> None:
    """A database's files are preallocated, so almost no write succeeds until the limit is lifted."""
    store = runs.start("store")
    assert runs.ask(store, "/fill?300000") == "written"
    runs.substrate.cap_files(store)
    assert runs.ask(store, "/fill?200000") == "File too large"
    runs.substrate.unlimit(store)
    assert runs.ask(store, "/fill?200000") == "written"


def test_limits_of_an_ended_instance(runs: Runs) -> None:
    """Limiting an instance that doesn't run is an error; lifting its limits and resuming it are no-
    ops."""
    web = runs.start("web")
    runs.substrate.limit(web, cpus=0.5)
    runs.substrate.kill(web)
    runs.substrate.unlimit(web)
    runs.substrate.resume(web)
    with pytest.raises(PortError, match="isn't running"):
        runs.substrate.limit(web, cpus=0.5)
    with pytest.raises(PortError, match="isn't running"):
        runs.substrate.cap_files(web)


@pytest.mark.needs_process("processes")
@pytest.mark.parametrize("cpus", [None, 0.5])
def test_a_pause_holds_everything(runs: Runs, cpus: float | None) -> None:
    """A pause stops an instance's child processes too, also those that left its session, throttled
    or not."""
    paused, other = runs.start("web"), runs.start("web")
    for instance in (paused, other):
        assert runs.ask(instance, "/tick") == 0
        until(partial(runs.ask, instance, "/ticks"), "the clock of the instance ticks")
    if cpus:
        runs.substrate.limit(paused, cpus=cpus)
    runs.substrate.pause(paused)
    begun = time.monotonic()
    until(lambda: runs.ask(other, "/ticks")[-1] >= begun + 0.4, "the other instance ticks on")
    ended = time.monotonic()
    runs.substrate.resume(paused)
    until(lambda: runs.ask(paused, "/ticks")[-1] >= ended, "the paused instance ticks again")
    ticks = runs.ask(paused, "/ticks")
    assert [tick for tick in ticks if begun < tick < ended] == []
