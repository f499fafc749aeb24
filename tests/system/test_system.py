"""The system on fakes: loss and return of a region, deaths and restarts, isolated regions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gameday.ports import Instance, PortError, Release
from gameday.recording.journal_events import JournalEvent
from gameday.system import reconciler
from gameday.system.reconciler import BACK_OFF_S
from gameday.system.system import System
from gameday.topology import Service, bundled, read_topology
from tests.support.fake_substrate import FakeSubstrate, IsolatingSubstrate
from tests.support.fakes import FakeLinks
from tests.support.nonempty_all import nonempty_all
from tests.support.waiting import until


class Bench:
    """A system of two regions on fakes, brought up."""

    def __init__(self) -> None:
        self.substrate, self.links = FakeSubstrate(), FakeLinks()
        self.events: list[tuple[str, str]] = []

        def build(name: str) -> Release:
            return Release(name, name.rpartition("-")[0], None)

        topology = read_topology(bundled.compose(), ("us-east", "eu-west"))
        self.system = System(self.substrate, self.links, topology, build)
        self.system.log = self._log
        self.system.await_caught_up = lambda region: None  # type: ignore[method-assign]
        self.system.bring_up()

    def _log(self, event: JournalEvent) -> None:
        record = event.to_event()
        self.events.append((record.kind, record.subject))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_lost_region_has_nothing_and_starts_nothing(bench: Bench) -> None:
    """Its link server goes too, and each instance is journalled as killed; the other region is as before."""
    there = {instance.id for instance in bench.system.instances(region="us-east")}
    elsewhere = bench.system.instances(region="eu-west")
    bench.system.lose("us-east", destroy=False)
    assert bench.system.instances(region="us-east") == []
    assert bench.system.instances(region="eu-west") == elsewhere
    assert {subject for kind, subject in bench.events if kind == "instance.killed"} == there
    assert "forget us-east" in bench.links.order
    with pytest.raises(PortError, match="us-east is lost"):
        bench.system.start(bench.system.topology.service("us-east", "pricing"))


def test_every_link_server_is_journalled_before_it_is_used(bench: Bench) -> None:
    """After a crash its faults can be reverted there; a later trial on the same system journals it again."""
    regions = ["edge", "eu-west", "us-east"]
    assert sorted(subject for kind, subject in bench.events if kind == "links.ready") == regions
    bench.events.clear()
    bench.system.bring_up()
    assert sorted(subject for kind, subject in bench.events if kind == "links.ready") == regions


def test_data_in_flight_from_a_lost_database_is_dropped(bench: Bench) -> None:
    """With a distance between databases, replication from it is dropped while it dies, and only then."""
    bench.system.lose("eu-west", destroy=False)
    assert not any("gameday-lost" in call for call in bench.links.order)
    bench.system.bring_back("eu-west")
    bench.system.delay = 0.04
    seen: list[tuple[str, set[str]]] = []
    kill = bench.substrate.kill

    def watched(instance: Instance) -> None:
        seen.append((instance.service, set(bench.links.stands)))
        kill(instance)

    bench.substrate.kill = watched  # type: ignore[method-assign]
    bench.system.lose("us-east", destroy=False)
    assert seen[0] == ("postgres", {"gameday-lost-us-east eu-west.postgres--postgres.us-east"})
    assert len(seen) > 5
    assert not any(holes for _, holes in seen[1:])


def test_volumes_are_destroyed_only_on_request(bench: Bench) -> None:
    """They are destroyed after the last instance is gone, so that nothing writes them again."""
    bench.system.lose("us-east", destroy=False)
    assert "destroy us-east" not in bench.substrate.order
    bench.system.lose("eu-west", destroy=True)
    assert bench.substrate.order[-1] == "destroy eu-west"


def test_a_region_that_returns_has_its_link_server_first(bench: Bench) -> None:
    """It then has as many instances as planned, each of the release that its service is to run."""
    bench.system.lose("us-east", destroy=False)
    bench.system.releases["pricing"] = "pricing-1.1.0"
    bench.substrate.order.clear()
    bench.system.bring_back("us-east")
    assert bench.substrate.order[0] == "start links links"
    planned = sum(s.instances for s in bench.system.topology.services if s.region == "us-east")
    assert len(bench.system.instances(region="us-east")) == planned
    assert {instance.release for instance in bench.system.instances("pricing", "us-east")} == {
        "pricing-1.1.0"
    }


def test_bringing_back_twice_changes_nothing(bench: Bench) -> None:
    """A repeated revert starts nothing."""
    bench.system.bring_back("us-east")
    assert bench.system.restored()


def test_a_dead_instance_is_restarted_with_back_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by an orchestrator; a database isn't restarted, since its operators decide."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(bench.system.closing, "wait", wait)
    for _ in range(2):
        dead = bench.system.instances("pricing", "us-east")[0]
        bench.substrate.kill(dead)
        bench.system.revive(dead)
    assert len(bench.system.instances("pricing", "us-east")) == 2
    assert waited == list(BACK_OFF_S[:2])
    database = bench.system.instances("postgres", "us-east")[0]
    bench.substrate.kill(database)
    bench.system.revive(database)
    assert bench.system.instances("postgres", "us-east") == []


def test_two_instances_that_died_together_are_two_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread counts what is missing only once the starts of other threads are over: none is started twice."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    start, dead = bench.substrate.start, bench.system.instances("pricing", "us-east")
    for instance in dead:
        bench.substrate.kill(instance)

    def slow(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        threading.Event().wait(0.2)
        return start(service, release, links)

    monkeypatch.setattr(bench.substrate, "start", slow)
    with ThreadPoolExecutor() as pool:
        list(pool.map(bench.system.revive, dead))
    assert len(bench.system.instances("pricing", "us-east")) == 2


def test_a_failed_start_leaves_no_claim(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two starts fails while the other is slow: the next thread counts both correctly."""
    start, lock, tries = bench.substrate.start, threading.Lock(), 0
    for instance in bench.system.instances("pricing", "us-east"):
        bench.substrate.kill(instance)

    def first_fails(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        nonlocal tries
        with lock:
            tries += 1
            fails = tries == 1
        if fails:
            raise PortError("no room")
        threading.Event().wait(0.2)
        return start(service, release, links)

    monkeypatch.setattr(bench.substrate, "start", first_fails)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(bench.system.heal, [("us-east", "pricing")]) for _ in range(2)]
        assert sorted(str(start.exception()) for start in both) == ["None", "no room"]
    assert len(bench.system.instances("pricing", "us-east")) == 2
    assert tries == 3


def test_a_start_that_hangs_delays_no_other_place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other places start at once."""
    free, start, hanging = threading.Event(), bench.substrate.start, threading.Semaphore(0)
    for instance in bench.system.instances("pricing"):
        bench.substrate.kill(instance)

    def hangs(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        if service.region == "eu-west":
            hanging.release()
            free.wait(10)
        return start(service, release, links)

    monkeypatch.setattr(bench.substrate, "start", hangs)
    with ThreadPoolExecutor() as pool:
        hung = pool.submit(bench.system.heal, [("eu-west", "pricing")])
        assert nonempty_all(hanging.acquire(timeout=10) for _ in range(2)), "both are being started"
        all_ = pool.submit(bench.system.heal, [("eu-west", "pricing"), ("us-east", "pricing")])
        until(lambda: len(bench.system.instances("pricing", "us-east")) == 2, "the others run")
        assert not all_.done()
        free.set()
        hung.result(10)
        all_.result(10)
    assert len(bench.system.instances("pricing")) == 4


def test_a_second_thread_that_heals_a_database_waits_until_it_has_caught_up(bench: Bench) -> None:
    """Even though the first thread started it."""
    caught = threading.Event()
    bench.system.await_caught_up = lambda region: caught.wait(10)  # type: ignore[method-assign, assignment]
    bench.substrate.kill(bench.system.instances("postgres", "eu-west")[0])
    with ThreadPoolExecutor() as pool:
        first = pool.submit(bench.system.heal, [("eu-west", "postgres")])
        until(lambda: bool(bench.system.instances("postgres", "eu-west")), "it runs")
        second = pool.submit(bench.system.heal, [("eu-west", "postgres")])
        with pytest.raises(TimeoutError):
            second.result(0.2)
        caught.set()
        first.result(10)
        second.result(10)


def test_a_start_under_way_does_not_outlive_a_kill_on_purpose(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a place is kept down, as by a fence, nothing comes up there."""
    go, start, asked = threading.Event(), bench.substrate.start, threading.Event()
    bench.substrate.kill(bench.system.instances("postgres", "us-east")[0])

    def late(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        asked.set()
        go.wait(10)
        return start(service, release, links)

    killing, kill = threading.Event(), bench.system.kill

    def watched(instances: Sequence[Instance]) -> None:
        killing.set()
        kill(instances)

    monkeypatch.setattr(bench.substrate, "start", late)
    monkeypatch.setattr(bench.system, "kill", watched)
    with ThreadPoolExecutor() as pool:
        healing = pool.submit(bench.system.heal, [("us-east", "postgres")])
        assert asked.wait(10)
        stopping = pool.submit(bench.system.keep_down, ("us-east", "postgres"))
        assert killing.wait(10)
        assert not stopping.done()
        go.set()
        assert stopping.result(10) == []
        assert bench.system.instances("postgres", "us-east") == []
        healing.result(10)
    assert bench.system.instances("postgres", "us-east") == []


def test_a_fenced_database_waits_for_rejoin(bench: Bench) -> None:
    """A reverted fault doesn't start it: a replaced primary must not come back as a primary."""
    bench.system.fenced.add("us-east")
    bench.system.keep_down(("us-east", "postgres"))
    bench.system.heal([("us-east", "postgres"), ("us-east", "pricing")])
    assert bench.system.instances("postgres", "us-east") == []
    bench.system.fenced.discard("us-east")
    bench.system.heal([("us-east", "postgres")])
    assert len(bench.system.instances("postgres", "us-east")) == 1


def test_an_instance_that_dies_at_once_is_started_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each caller starts it once; the back-off decides when it is started again."""
    start, tries = bench.substrate.start, 0

    def dies(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        nonlocal tries
        tries += 1
        instance = start(service, release, links)
        bench.substrate.kill(instance)
        return instance

    bench.substrate.kill(bench.system.instances("pricing", "us-east")[0])
    monkeypatch.setattr(bench.substrate, "start", dies)
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: tries > 5)
    bench.system.heal([("us-east", "pricing")])
    assert tries == 1


def test_a_lack_of_threads_leaves_no_claim(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call raises PortError, and the next one fills the place."""
    dead = bench.system.instances("pricing", "us-east")[0]
    bench.substrate.kill(dead)
    with monkeypatch.context() as patch:
        patch.setattr(reconciler, "ThreadPoolExecutor", NoThreads)
        with pytest.raises(PortError, match="can't start new thread"):
            bench.system.heal([("us-east", "pricing")])
    bench.system.heal([("us-east", "pricing")])
    assert len(bench.system.instances("pricing", "us-east")) == 2


class NoThreads(ThreadPoolExecutor):
    """A pool on a machine that has no more threads."""

    def submit(self, *words: Any, **more: Any) -> Any:
        raise RuntimeError("can't start new thread")


def test_an_instance_that_dies_while_it_is_replaced_is_not_missing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its successor is being started already."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    dead = bench.system.instances("pricing", "us-east")[0]
    with ThreadPoolExecutor() as pool:
        with bench.system.replacing(("us-east", "pricing")):
            bench.substrate.kill(dead)
            revived = pool.submit(bench.system.revive, dead)
            bench.system.start(bench.system.topology.service("us-east", "pricing"))
        revived.result(10)
    assert len(bench.system.instances("pricing", "us-east")) == 2


def test_an_unexpected_error_is_retried_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example if the machine has no more file descriptors."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    start, errors = bench.substrate.start, [OSError(24, "Too many open files")]

    def failing(service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        if errors:
            raise errors.pop()
        return start(service, release, links)

    dead = bench.system.instances("pricing", "us-east")[0]
    bench.substrate.kill(dead)
    monkeypatch.setattr(bench.substrate, "start", failing)
    bench.system.revive(dead)
    assert len(bench.system.instances("pricing", "us-east")) == 2


def test_a_link_server_that_runs_is_never_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later restart finds it running; a link server that can't be populated is killed."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    (dead,) = bench.system.instances("links", "us-east")
    bench.substrate.kill(dead)
    populate, failures = bench.links.populate, [PortError("a port is taken")]

    def failing(*arguments: Any) -> Mapping[str, int]:
        if failures:
            raise failures.pop()
        return populate(*arguments)

    monkeypatch.setattr(bench.links, "populate", failing)
    bench.links.order.clear()
    bench.system.revive(dead)
    bench.system.revive(dead)
    assert len(bench.system.instances("links", "us-east")) == 1
    assert [call for call in bench.links.order if call.startswith("forget")] == ["forget us-east"] * 2


def test_a_failed_start_is_retried(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With back-off and a note, until the system is torn down."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 3:
            bench.substrate.refuse.clear()
        return len(waited) > 3

    monkeypatch.setattr(bench.system.closing, "wait", wait)
    dead = bench.system.instances("pricing", "us-east")[0]
    bench.substrate.kill(dead)
    bench.substrate.refuse = {"pricing-1.0.0"}
    bench.events.clear()
    bench.system.revive(dead)
    assert len(bench.system.instances("pricing", "us-east")) == 2
    assert waited == list(BACK_OFF_S[:3])
    assert [kind for kind, _ in bench.events] == ["note", "instance.ready"]
    bench.substrate.kill(bench.system.instances("pricing", "us-east")[0])
    bench.substrate.refuse = {"pricing-1.0.0"}
    bench.system.revive(dead)
    assert waited[3:] == [BACK_OFF_S[1]], "the second death"


def test_an_instance_that_a_fault_killed_stays_down_until_heal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The orchestrator doesn't undo an active fault."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    one, two = bench.system.instances("gateway", "us-east")
    bench.system.kill([one, two])
    bench.system.revive(one)
    assert bench.system.instances("gateway", "us-east") == []
    bench.system.heal([("us-east", "gateway")])
    assert len(bench.system.instances("gateway", "us-east")) == 2


@pytest.mark.parametrize("service", ["gateway", "pricing"])
def test_only_the_killed_instance_stays_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """Another instance of its place that dies by itself is restarted."""
    monkeypatch.setattr(bench.system.closing, "wait", lambda seconds: False)
    one, two = bench.system.instances(service, "us-east")
    bench.system.kill([one])
    bench.substrate.kill(two)
    bench.system.revive(two)
    (third,) = bench.system.instances(service, "us-east")
    assert third.id not in (one.id, two.id)
    bench.system.revive(two)
    assert bench.system.instances(service, "us-east") == [third]
    bench.system.heal([("us-east", service)])
    assert len(bench.system.instances(service, "us-east")) == 2
    assert bench.system.restored()


def test_a_system_that_is_to_be_different_is_not_restored(bench: Bench) -> None:
    """Even while it is as at the start: the next instance that starts would differ."""
    bench.system.releases["pricing"] = "pricing-1.1.0"
    assert not bench.system.restored()
    bench.system.releases["pricing"] = "pricing-1.0.0"
    assert bench.system.restored()
    bench.system.settings.flags.switch({"checkout": True})
    assert not bench.system.restored()


def test_a_place_that_is_kept_down_is_not_restored(bench: Bench) -> None:
    """Even if an instance runs there: it wouldn't be restarted."""
    bench.system.kill([bench.system.instances("pricing", "us-east")[0]])
    bench.system.start(bench.system.topology.service("us-east", "pricing"))
    assert not bench.system.restored()


def test_an_isolated_region_answers_no_request_from_outside(bench: Bench) -> None:
    """Every link with exactly one end in it drops packets both ways, links within don't; joining reverts that."""
    bench.system.isolate("eu-west")
    dark = {stand.split()[1] for stand in bench.links.stands}
    assert "edge--gateway.eu-west" in dark
    assert "eu-west.checkout--payments" in dark
    assert "eu-west.checkout--pricing" not in dark
    assert not bench.system.restored()
    bench.system.join("eu-west")
    assert not bench.links.stands
    assert bench.system.restored()


def test_a_substrate_with_networks_isolates_by_them(bench: Bench) -> None:
    """With the capability `Isolation` the region's networks are cut off and its links are left alone."""
    bench.system.substrate = substrate = IsolatingSubstrate()
    bench.system.isolate("eu-west")
    bench.system.join("eu-west")
    assert substrate.order == ["isolate eu-west", "join eu-west"]
    assert not bench.links.stands


def test_a_restart_that_crosses_a_rollback_ends_on_the_wanted_release(bench: Bench) -> None:
    """The wanted release changed while the instance started, so it is started again."""
    dead = bench.system.instances("pricing", "us-east")[0]
    bench.substrate.kill(dead)
    bench.system.releases["pricing"] = "pricing-1.1.0"
    build = bench.system.build

    def late(name: str) -> Release:
        bench.system.releases["pricing"] = "pricing-1.0.0"
        return build(name)

    bench.system.build = late
    bench.system.heal([("us-east", "pricing")])
    assert {instance.release for instance in bench.system.instances("pricing", "us-east")} == {
        "pricing-1.0.0"
    }
