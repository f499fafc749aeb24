"""Choice of the database that a fault hits, and reverting after the system has changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from gameday.faults import FAULTS, rebuild
from gameday.faults.database import FULL, LIMITED, Connections, Disk, Kill, Pause, Slow
from gameday.ports import PortError
from tests.support.fake_arena import FakeSystem, World
from tests.support.fake_substrate import FakeSubstrate


def at_once(seconds: float) -> bool:
    return True


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind.startswith("database.")])
def test_without_a_region_it_is_the_primary_of_the_moment(kind: str, world: World) -> None:
    """The primary is chosen when the fault is bound; a later promotion doesn't change the choice,
    nor does restoring it from the undo."""
    spec = FAULTS[kind].model_validate({"latency": "1s"} if kind == "database.slow" else {})
    world.system.leading = "eu-west"
    fault = spec.bind(world.arena)
    world.system.leading = "us-east"
    assert fault.target == "eu-west.postgres"
    assert rebuild(json.loads(json.dumps(fault.undo())), world.arena).target == "eu-west.postgres"
    assert FAULTS[kind].model_validate(
        {**spec.model_dump(by_alias=True, mode="json"), "region": "us-east"}
    ).bind(world.arena).target == ("us-east.postgres")


def test_a_slow_database_is_slow_for_every_caller_and_for_its_standby(world: World) -> None:
    """Every link to the slow database is hit, and no link to the other region's."""
    Slow.model_validate({"region": "us-east", "latency": "1m"}).bind(world.arena).inject(at_once)
    slow = {link.name for link in world.system.topology.links if world.system.links.toxics(link)}
    assert slow == {
        "us-east.checkout--postgres",
        "eu-west.checkout--postgres.us-east",
        "eu-west.postgres--postgres.us-east",
    }


def test_a_database_that_does_not_run_cannot_be_hit(world: World) -> None:
    """Binding fails if the database doesn't run."""
    world.system.kill(world.system.instances("postgres", "us-east"))
    with pytest.raises(PortError, match=r"database\.kill: no instance of us-east\.postgres runs"):
        Kill().bind(world.arena)


def test_connections_of_a_database_that_is_gone_are_gone(world: World) -> None:
    """Reverting without a running server is a no-op."""
    fault = Connections().bind(world.arena)
    world.system.kill(world.system.instances("postgres", "us-east"))
    fault.revert()


def test_a_paused_database_that_was_replaced_has_nothing_to_resume(world: World) -> None:
    """If the paused instance was killed and replaced, reverting leaves the new one alone."""
    fault = Pause().bind(world.arena)
    fault.inject(at_once)
    world.system.kill(world.system.instances("postgres", "us-east"))
    world.system.heal([("us-east", "postgres")])
    fault.revert()
    assert world.system.whole()


@dataclass
class DiskSubstrate(FakeSubstrate):
    """With the optional capability `Disks`, for the database of us-east."""

    full: set[tuple[str, str]] = field(default_factory=set)

    def has_disk(self, region: str, service: str) -> bool:
        return (region, service) == ("us-east", "postgres")

    def fill_disk(self, region: str, service: str) -> None:
        self.full.add((region, service))

    def empty_disk(self, region: str, service: str) -> None:
        self.full.discard((region, service))


def test_a_disk_of_its_own_is_filled_and_another_is_limited(world: World) -> None:
    """The fault says which it is; a revert by another process frees the space too, and starts a dead server."""
    substrate = DiskSubstrate()
    world = World(FakeSystem(world.system.topology, world.system.links, substrate))
    fault = Disk(region="us-east").bind(world.arena)
    assert fault.meaning == FULL
    fault.inject(at_once)
    assert (substrate.full, substrate.limited) == ({("us-east", "postgres")}, {})
    world.system.kill(world.system.instances("postgres", "us-east"))
    rebuild(fault.undo(), World(world.system).arena).revert()
    assert substrate.full == set()
    assert world.system.whole()
    other = Disk(region="eu-west").bind(world.arena)
    assert other.meaning == LIMITED
    other.inject(at_once)
    assert list(substrate.limited.values()) == ["files"]
    other.revert()
    assert substrate.limited == {}
