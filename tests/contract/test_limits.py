"""Bounds on running instances, on every substrate: processor time, memory, files; and that a pause holds all of it."""

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
    """The next one that is reported."""
    ended: list[tuple[Instance, str]] = []

    def reported() -> bool:
        ended.extend(runs.substrate.died())
        return bool(ended)

    until(reported, "the death is reported")
    return ended[0]


def starve(runs: Runs, instance: Instance, mebibytes: int) -> None:
    """Lets it take memory until it is ended for it."""
    address = runs.substrate.address(instance)
    with suppress(*NO_ANSWER):
        while ask(address, f"/grow?{mebibytes}"):
            mebibytes = 0


def test_declared_memory_is_enforced(runs: Runs) -> None:
    """Who holds more than the compose file's mem_limit is killed and reported, with the bound in words."""
    front = runs.start("front")
    starve(runs, front, 192)
    instance, why = death(runs)
    assert instance == front
    assert why.startswith("out of memory: ")
    assert "128.0 MiB allowed" in why.splitlines()[0]
    assert why.endswith(f"{front.id} listens")
    assert front not in runs.substrate.instances()


def test_limited_memory(runs: Runs) -> None:
    """A tighter bound takes effect at once; lifted, the declared one holds again."""
    front, other = runs.start("front"), runs.start("front")
    for each in (front, other):
        runs.substrate.limit(each, memory=56 * MIB)
    runs.substrate.unlimit(other)
    assert runs.ask(other, "/grow?64") == 64 * MIB
    starve(runs, front, 64)
    instance, why = death(runs)
    assert (instance, "56.0 MiB allowed" in why) == (front, True)
    assert runs.ask(other, "/healthz")["instance"] == other.id
    starve(runs, other, 100)
    assert "128.0 MiB allowed" in death(runs)[1]


def test_less_memory_than_it_has(runs: Runs) -> None:
    """Who has more already than it may have from now on is out of memory at once."""
    front = runs.start("front")
    runs.ask(front, "/grow?80")
    runs.substrate.limit(front, memory=48 * MIB)
    assert death(runs)[1].startswith("out of memory: ")


def test_memory_without_a_declared_bound(runs: Runs) -> None:
    """What has no mem_limit is bounded only while a limit stands."""
    web = runs.start("web")
    runs.substrate.limit(web, memory=64 * MIB)
    runs.substrate.unlimit(web)
    assert runs.ask(web, "/grow?96") == 96 * MIB
    assert runs.ask(web, "/work?0.6") > 0
    assert list(runs.substrate.died()) == []


def test_processor_time(runs: Runs) -> None:
    """A tenth of a core is a tenth of the time; it can be changed, and lifted, while the instance works."""
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
    """Bounds hold nobody back from ending, nor a pause from being one."""
    killed, stopped = runs.start("web"), runs.start("web")
    for each in (killed, stopped):
        runs.substrate.limit(each, cpus=0.05)
        runs.ask(each, "/work?0.1")
    runs.substrate.pause(stopped)
    runs.substrate.kill(killed)
    runs.substrate.stop(stopped, 5)
    assert list(runs.substrate.instances()) == []
    for each in (killed, stopped):
        runs.substrate.unlimit(each)


def test_files(runs: Runs) -> None:
    """No file grows beyond the largest that is there; lifted, it does. What fits goes on."""
    keeper = Keeper(runs)
    assert keeper.fill(300_000) == "written"
    keeper.cap()
    assert keeper.fill(400_000) == "File too large"
    assert keeper.fill(300_000) == "written"
    runs.substrate.unlimit(keeper.instance)
    assert keeper.fill(400_000) == "written"


class Keeper:
    """A service that is no database and keeps data: the edge's pseudo-region has one."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.instance = runs.start("ledger", "edge")

    def fill(self, size: int) -> object:
        return self.runs.ask(self.instance, f"/fill?{size}")

    def cap(self) -> None:
        self.runs.substrate.cap_files(self.instance)


def test_files_of_a_database(runs: Runs) -> None:
    """A database's files are made in advance: next to nothing of it may be written until the bound is lifted."""
    store = runs.start("store")
    assert runs.ask(store, "/fill?300000") == "written"
    runs.substrate.cap_files(store)
    assert runs.ask(store, "/fill?200000") == "File too large"
    runs.substrate.unlimit(store)
    assert runs.ask(store, "/fill?200000") == "written"


def test_bounds_of_who_is_gone(runs: Runs) -> None:
    """Setting a bound on what doesn't run is an error; taking one back is none, nor is resuming."""
    web = runs.start("web")
    runs.substrate.limit(web, cpus=0.5)
    runs.substrate.kill(web)
    runs.substrate.unlimit(web)
    runs.substrate.resume(web)
    with pytest.raises(PortError, match="isn't running"):
        runs.substrate.limit(web, cpus=0.5)
    with pytest.raises(PortError, match="isn't running"):
        runs.substrate.cap_files(web)


@pytest.mark.parametrize("cpus", [None, 0.5])
def test_a_pause_holds_everything(runs: Runs, cpus: float | None) -> None:
    """What an instance has started stands still with it, what left its session too, and throttled or not."""
    paused, other = runs.start("web"), runs.start("web")
    for each in (paused, other):
        assert runs.ask(each, "/tick") == 0
        until(partial(runs.ask, each, "/ticks"), "the clock of the instance ticks")
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
