"""A switched flag on real instances: whoever starts after it, and for whatever reason, begins with it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gameday.changes.releases import Catalogue
from gameday.changes.rollout import plan
from gameday.operations import Operation
from gameday.ports import Instance, PortError
from gameday.recording.journal import Journal
from gameday.substrates.process.process_substrate import ProcessSubstrate
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.operation_executor import OperationExecutor
from gameday.system.system import System
from gameday.topology import Topology, bundled, read_topology
from storefront.flags import DEFAULTS
from tests.support import storefront_services
from tests.support.fakes import FakeLinks, HandClock

REGION = "us-east"
SWITCHED = {**DEFAULTS, "checkout": False, "queue-checkout": True}


@pytest.fixture
def recovery() -> Iterator[OperationExecutor]:
    """Of a system that is pricing alone, which has no peers, as plain processes."""
    pricing = read_topology(bundled.compose(), (REGION,)).service(REGION, "pricing")
    topology = Topology((REGION,), (pricing,), ())
    catalogue = Catalogue(bundled.releases(), bundled.compose() / "storefront")
    with storefront_services.open_folder() as folder:
        substrate = ProcessSubstrate(
            folder.name,
            topology,
            folder,
            lambda: folder,
            variables={"OPERATOR_TOKEN": storefront_services.TOKEN},
        )
        system = System(
            substrate,
            FakeLinks(),
            topology,
            lambda name: catalogue.build(name, folder / "trees"),
            token=storefront_services.TOKEN,
        )
        journal = Journal(folder / "journal.jsonl")
        operator = Deployer(
            system, lambda name: catalogue.spec(name).model_dump(mode="json"), plan, journal, HandClock()
        )
        try:
            system.bring_up()
            yield OperationExecutor(operator)
        finally:
            assert operator.take_down() == []
            journal.close()


def told(system: System) -> dict[str, Any]:
    """What each instance says of its flags, by its id."""
    return {
        instance.id: system.ask(instance, "GET", "/_operator/flags")["flags"]
        for instance in system.instances()
    }


def restarted(recovery: OperationExecutor) -> None:
    recovery.restart("pricing")


def revived(recovery: OperationExecutor) -> None:
    for instance in recovery.system.instances():
        recovery.system.substrate.kill(instance)
        recovery.system.revive(instance)


def shipped(recovery: OperationExecutor) -> None:
    recovery.deployer.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")


def rolled_back(recovery: OperationExecutor) -> None:
    shipped(recovery)
    recovery.deployer.rollback("c2", "c1", "auto")


def lost(recovery: OperationExecutor) -> None:
    recovery.system.lose(REGION, destroy=False)
    recovery.system.bring_back(REGION)


@pytest.mark.system
@pytest.mark.parametrize("anew", [restarted, revived, shipped, rolled_back, lost])
def test_a_kill_switch_does_not_undo_itself(
    recovery: OperationExecutor, anew: Callable[[OperationExecutor], None]
) -> None:
    """Switched once, it stands in every instance that takes the place of one that was told."""
    for switch in ("checkout=off", "queue-checkout=on"):
        recovery.execute(Operation("flag", switch, "on-call"), "c0")
    before = told(recovery.system)
    assert list(before.values()) == [SWITCHED] * 2
    anew(recovery)
    after = told(recovery.system)
    assert not before.keys() & after.keys()
    assert list(after.values()) == [SWITCHED] * 2


@pytest.mark.system
def test_a_switch_while_an_instance_starts_reaches_it(
    recovery: OperationExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was under way with the defaults, in nobody's list: it is told before it counts as ready."""
    system = recovery.system
    listed = system.substrate.instances

    def unseen() -> list[Instance]:
        return [each for each in listed() if each.id in before]

    before = told(system)
    ready = system.log_ready
    seen: list[Any] = []

    def late(instance: Instance) -> None:
        seen.append(system.ask(instance, "GET", "/_operator/flags")["flags"]["checkout"])
        ready(instance)

    start = system.substrate.start

    def started(*arguments: Any) -> Instance:
        instance = start(*arguments)
        assert system.ask(instance, "GET", "/_operator/flags") == {"flags": DEFAULTS}
        monkeypatch.setattr(system.substrate, "instances", unseen)
        recovery.switch_flag("checkout=off")
        monkeypatch.setattr(system.substrate, "instances", listed)
        return instance

    monkeypatch.setattr(system, "log_ready", late)
    monkeypatch.setattr(system.substrate, "start", started)
    system.start(system.topology.service(REGION, "pricing"))
    assert seen == [False]


@pytest.mark.system
def test_a_flag_that_there_is_not_is_refused_and_forgotten(recovery: OperationExecutor) -> None:
    """In the words of who was asked; who starts later begins by the defaults."""
    with pytest.raises(PortError, match="status 400: no flag is called chekout"):
        recovery.switch_flag("chekout=off")
    restarted(recovery)
    assert list(told(recovery.system).values()) == [dict(DEFAULTS)] * 2
