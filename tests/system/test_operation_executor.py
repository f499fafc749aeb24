"""Operations on fakes: fence before promotion, traffic through the edge, restarts, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.rollout import plan
from gameday.operations import Operation
from gameday.ports import Instance, PortError, Release
from gameday.recording.journal import Journal, read_journal
from gameday.system import postgres_admin
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.operation_executor import OperationExecutor
from gameday.system.system import System
from gameday.topology import Service, bundled, read_topology
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeLinks, HandClock

REGIONS = ("us-east", "eu-west", "me-central")


class Bench:
    """An executor on fakes. `done` lists the requests to databases and endpoints; `broken` services don't answer."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.substrate = FakeSubstrate()
        topology = read_topology(bundled.compose(), REGIONS)

        def build(name: str) -> Release:
            return Release(name, name.rpartition("-")[0], None)

        self.system = System(self.substrate, FakeLinks(), topology, build)
        self.journal = Journal(folder / "journal.jsonl")
        self.recovery = OperationExecutor(
            Deployer(self.system, lambda name: {}, plan, self.journal, HandClock())
        )
        self.system.bring_up()
        self.done: list[tuple[str, Any]] = []
        self.promotes_with: list[str] = []
        self.broken: set[str] = set()
        """Services that don't answer."""
        patch.setattr(postgres_admin, "promote", self._promote)
        patch.setattr(postgres_admin, "stop_waiting_for_standbys", lambda url: False)
        patch.setattr(postgres_admin, "announce_term", lambda url, term: None)
        patch.setattr(postgres_admin, "takes_writes", lambda url: url == self.system.primary())
        self.received = {"us-east": 9, "eu-west": 2, "me-central": 2}
        patch.setattr(postgres_admin, "received", self.received.__getitem__)
        patch.setattr(postgres_admin, "await_caught_up", lambda *arguments: None)
        patch.setattr(self.system, "database", lambda region: region)
        patch.setattr(self.system, "ask", self._ask)

    def _promote(self, url: str) -> None:
        self.done.append(("promote", url))
        self.promotes_with = sorted(instance.region for instance in self.system.instances("postgres"))

    def _ask(self, instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if instance.service in self.broken:
            raise PortError(f"{instance.service} hangs")
        self.done.append((f"{instance.service} {path}", body))

    def carry(self, name: Any, target: str) -> None:
        self.recovery.execute(Operation(name, target, "auto"), "c1")

    def journalled(self) -> list[tuple[str, str]]:
        return [(event.kind, event.subject) for event in read_journal(self.journal.path)]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    example = Bench(tmp_path, monkeypatch)
    yield example
    example.journal.close()


def test_the_old_primary_is_stopped_and_confirmed_before_another_is_promoted(bench: Bench) -> None:
    """At the moment of the promotion no other database can take a write."""
    bench.carry("promote", "eu-west")
    assert bench.promotes_with == ["eu-west", "me-central"]
    assert bench.system.primary() == "eu-west"
    events = bench.journalled()
    assert events.index(("fence.confirmed", "us-east")) < events.index(("database.promoted", "eu-west"))


def test_a_primary_that_cannot_be_stopped_is_not_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database is better than two primaries."""
    monkeypatch.setattr(bench.substrate, "kill", lambda instance: None)
    with pytest.raises(PortError, match="could not be stopped"):
        bench.carry("promote", "eu-west")
    assert bench.done == []
    assert bench.system.primary() == "us-east"


@pytest.mark.parametrize("named", ["", "eu-west"])
def test_a_standby_that_is_behind_is_not_promoted(bench: Bench, named: str) -> None:
    """A standby may lack what another one confirmed: the most advanced one is promoted, whichever is named."""
    bench.received["me-central"] = 3
    bench.carry("promote", named)
    assert bench.done == [("promote", "me-central")]
    assert bench.system.primary() == "me-central"


def test_a_fenced_database_stays_down_until_it_rejoins(bench: Bench) -> None:
    """The return of its region starts everything else; rejoining starts it and returns the traffic."""
    bench.system.lose("us-east", destroy=False)
    bench.carry("failover", "us-east")
    bench.carry("promote", "eu-west")
    bench.system.bring_back("us-east")
    assert not bench.system.instances("postgres", "us-east")
    assert bench.system.instances("checkout", "us-east")
    bench.carry("rejoin", "us-east")
    assert bench.system.instances("postgres", "us-east")
    assert bench.done == [
        ("edge /_operator/drain", {"region": "us-east"}),
        ("promote", "eu-west"),
        ("edge /_operator/undrain", {"region": "us-east"}),
    ]
    events = bench.journalled()
    assert events.index(("replica.caught_up", "us-east")) < events.index(("traffic.returned", "us-east"))


def test_a_region_that_is_still_lost_cannot_rejoin(bench: Bench) -> None:
    """The operation fails; nothing is started there."""
    bench.system.lose("me-central", destroy=False)
    with pytest.raises(PortError, match="not back"):
        bench.carry("rejoin", "me-central")
    assert not bench.system.instances(region="me-central")


def test_restarting_the_database_restarts_the_primary_alone(bench: Bench) -> None:
    """Standbys go on; the same number runs afterwards."""
    before = {instance.id for instance in bench.system.instances("postgres")}
    bench.carry("restart", "postgres")
    after = {instance.id for instance in bench.system.instances("postgres")}
    assert len(after) == len(before) == 3
    assert {instance.rpartition(".")[0] for instance in before - after} == {"us-east.postgres"}


def test_a_flag_is_sent_to_every_service(bench: Bench) -> None:
    """Every instance that serves requests gets it once; databases and link servers have no flags."""
    bench.carry("flag", "queue-checkout=on")
    whats = [what for what, _ in bench.done]
    assert {"checkout /_operator/flags", "edge /_operator/flags"} <= set(whats)
    assert not any(what.startswith(("postgres", "links", "edge-links")) for what in whats)
    assert len(whats) == sum(
        service.ready == "http" and service.instances for service in bench.system.topology.services
    )
    assert {tuple(body.items()) for _, body in bench.done} == {(("queue-checkout", True),)}


def test_instances_that_start_later_have_the_flag(bench: Bench) -> None:
    """Revived, restarted, deployed, rolled back or back with its region: each starts with the latest values."""
    bench.carry("flag", "checkout=off")
    bench.carry("flag", "orders=off")
    bench.carry("flag", "orders=on")
    before = set(bench.substrate.given)
    bench.system.await_caught_up = lambda region: None  # type: ignore[method-assign]
    dead = bench.system.instances("gateway", "us-east")[0]
    bench.substrate.kill(dead)
    bench.system.revive(dead)
    bench.carry("restart", "checkout")
    bench.recovery.deployer.about = lambda name: {"service": "pricing", "kind": "code", "summary": ""}
    bench.recovery.deployer.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    bench.recovery.deployer.rollback("c2", "c1", "auto")
    bench.system.lose("me-central", destroy=False)
    bench.system.bring_back("me-central")
    new = {instance: given for instance, given in bench.substrate.given.items() if instance not in before}
    flagged = {
        instance: given
        for instance, given in new.items()
        if ".postgres." not in instance and ".links." not in instance
    }
    assert {instance.rsplit(".", 1)[0] for instance in flagged} >= {
        "us-east.gateway",
        "us-east.checkout",
        "eu-west.pricing",
    }
    assert {given.get("FLAGS") for given in flagged.values()} == {"checkout=off,orders=on"}
    assert not any("FLAGS" in given for instance, given in new.items() if instance not in flagged)


def test_an_instance_that_starts_during_a_switch_gets_the_flag_before_it_is_ready(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It started with the old flags, and wasn't running when the others got the new ones."""
    start = bench.substrate.start

    def slowly(service: Service, release: Release, values: Mapping[str, str]) -> Instance:
        monkeypatch.setattr(bench.substrate, "start", start)
        bench.carry("flag", "checkout=off")
        bench.done.clear()
        return start(service, release, values)

    monkeypatch.setattr(bench.substrate, "start", slowly)
    instance = bench.system.start(bench.system.topology.service("us-east", "gateway"))
    assert "FLAGS" not in bench.substrate.given[instance.id]
    assert bench.done == [("gateway /_operator/flags", {"checkout": False})]


def test_an_instance_that_does_not_take_a_flag_is_killed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance would otherwise serve what was switched off."""
    start = bench.substrate.start

    def slowly(service: Service, release: Release, values: Mapping[str, str]) -> Instance:
        bench.carry("flag", "checkout=off")
        bench.broken.add(service.name)
        return start(service, release, values)

    monkeypatch.setattr(bench.substrate, "start", slowly)
    before = list(bench.system.instances("gateway"))
    with pytest.raises(PortError, match="hangs"):
        bench.system.start(bench.system.topology.service("us-east", "gateway"))
    assert list(bench.system.instances("gateway")) == before


def test_an_instance_that_hangs_does_not_delay_a_flag(bench: Bench) -> None:
    """All others and later instances have the flag; the operation fails because of the one that hangs."""
    bench.broken.add("catalog")
    with pytest.raises(PortError, match="catalog hangs"):
        bench.carry("flag", "checkout=off")
    assert {"gateway /_operator/flags", "payments /_operator/flags"} <= {what for what, _ in bench.done}
    assert bench.system.settings.flags.all() == {"checkout": False}
    assert not bench.system.restored()


def test_a_flag_that_no_service_knows_is_not_kept(bench: Bench) -> None:
    """No instance took it, so later instances don't start with it."""
    bench.broken |= {service.name for service in bench.system.topology.services}
    with pytest.raises(PortError, match="hangs"):
        bench.carry("flag", "chekout=off")
    assert bench.system.settings.flags.all() == {}


def test_a_flag_without_any_instance_fails(bench: Bench) -> None:
    """The operation isn't reported as done."""
    bench.system.kill([instance for instance in bench.system.instances() if instance.service != "postgres"])
    with pytest.raises(PortError, match="no running instance supports feature flags"):
        bench.carry("flag", "checkout=off")


@pytest.mark.parametrize("name", ["failover", "promote", "rejoin"])
def test_a_region_that_is_not_there_is_refused(bench: Bench, name: str) -> None:
    """The error names the region and the known ones."""
    with pytest.raises(PortError, match=r"unknown region 'us-west'; known: us-east, eu-west, me-central"):
        bench.carry(name, "us-west")


def test_what_was_changed_by_hand_keeps_the_system_from_being_used_again(bench: Bench) -> None:
    """Another trial needs the system as at its start."""
    assert bench.system.restored()
    bench.carry("failover", "eu-west")
    assert not bench.system.restored()
    bench.carry("rejoin", "eu-west")
    assert bench.system.restored()


def edges_after_restart(bench: Bench) -> list[Mapping[str, str]]:
    """Restart the edge; return the variables that the new ones got."""
    bench.carry("restart", "edge")
    return [bench.substrate.given[edge.id] for edge in bench.system.instances("edge")]


def test_a_drain_outlives_every_edge(bench: Bench) -> None:
    """Restarted, deployed or dead: each later edge starts drained, until the traffic is returned."""
    bench.carry("failover", "eu-west")
    bench.carry("failover", "me-central")
    assert [given["DRAINED"] for given in edges_after_restart(bench)] == ["eu-west,me-central"]
    bench.recovery.deployer.about = lambda name: {"service": "edge", "kind": "code", "summary": ""}
    bench.recovery.deployer.deploy("c1", "edge-1.1.0", "rolling", 0.0, "timeline")
    [edge] = bench.system.instances("edge")
    assert edge.release == "edge-1.1.0"
    assert bench.substrate.given[edge.id]["DRAINED"] == "eu-west,me-central"
    bench.system.await_caught_up = lambda region: None  # type: ignore[method-assign]
    for region in ("eu-west", "me-central"):
        bench.carry("rejoin", region)
    assert ["DRAINED" in given for given in edges_after_restart(bench)] == [False]


@pytest.mark.parametrize("operation", ["failover", "rejoin"])
def test_an_edge_that_starts_during_a_shift_gets_it_before_it_is_ready(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """It started with the former drains, and wasn't running when the others got the new ones."""
    bench.system.await_caught_up = lambda region: None  # type: ignore[method-assign]
    bench.carry("failover", "eu-west")
    bench.carry("rejoin", "eu-west")
    start = bench.substrate.start

    def slowly(service: Service, release: Release, values: Mapping[str, str]) -> Instance:
        monkeypatch.setattr(bench.substrate, "start", start)
        bench.carry(operation, "eu-west")
        bench.done.clear()
        return start(service, release, values)

    if operation == "rejoin":
        bench.carry("failover", "eu-west")
    monkeypatch.setattr(bench.substrate, "start", slowly)
    bench.system.start(bench.system.topology.service("edge", "edge"))
    path = "drain" if operation == "failover" else "undrain"
    assert bench.done == [(f"edge /_operator/{path}", {"region": "eu-west"})]


def test_a_drain_that_no_edge_took_is_not_kept(bench: Bench) -> None:
    """The operation failed, so a later edge doesn't start with it."""
    bench.broken.add("edge")
    with pytest.raises(PortError, match="edge hangs"):
        bench.carry("failover", "eu-west")
    bench.broken.clear()
    assert ["DRAINED" in given for given in edges_after_restart(bench)] == [False]


def test_an_edge_that_ends_while_it_is_asked_fails_no_shift(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next edge is awaited, and has the drain."""
    ask, service = bench.system.ask, bench.system.topology.service("edge", "edge")

    def dying(instance: Instance, *arguments: Any) -> Any:
        monkeypatch.setattr(bench.system, "ask", ask)
        bench.substrate.kill(instance)
        bench.system.start(service)
        raise PortError(f"{instance.id} has closed the connection")

    monkeypatch.setattr(bench.system, "ask", dying)
    bench.carry("failover", "eu-west")
    [edge] = bench.system.instances("edge")
    assert bench.substrate.given[edge.id]["DRAINED"] == "eu-west"
    assert bench.done == [("edge /_operator/drain", {"region": "eu-west"})]
    assert bench.system.settings.drained.value() == "eu-west"
    assert ("traffic.drained", "eu-west") in bench.journalled()
