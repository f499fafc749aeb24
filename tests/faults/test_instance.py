"""Choice of the instances that a fault hits, and restart loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gameday.faults.instance import Kill, Pause, RestartLoop
from gameday.ports import Instance, PortError
from tests.support.fake_arena import World


@pytest.mark.parametrize(
    ("keys", "hit"),
    [
        ({}, {"us-east": 1}),
        ({"count": 3}, {"us-east": 2, "eu-west": 1}),
        ({"count": "all"}, {"us-east": 2, "eu-west": 2}),
        ({"count": "all", "region": "eu-west"}, {"eu-west": 2}),
    ],
)
def test_so_many_are_hit_the_primary_region_first(
    keys: dict[str, Any], hit: dict[str, int], world: World
) -> None:
    """`count` instances are hit (1 by default), in the order of the regions; the others are left
    alone."""
    Kill.model_validate({"service": "pricing", **keys}).bind(world.arena).inject(lambda seconds: True)
    for region in ("us-east", "eu-west"):
        assert len(world.system.instances("pricing", region)) == 2 - hit.get(region, 0)
    assert len(world.system.instances("gateway")) == 4


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"count": 5}, ("count",), "only 4 instances"),
        ({"count": 3, "region": "us-east"}, ("count",), "only 2 instances"),
        ({"service": "payments", "region": "us-east"}, ("region",), "doesn't run in us-east"),
    ],
)
def test_more_than_there_are_is_a_problem(
    keys: dict[str, Any], path: tuple[str], message: str, world: World
) -> None:
    """A count above the number of instances is a problem at its key, before the start."""
    spec = Kill.model_validate({"service": "pricing", **keys})
    problems = list(spec.problems(world.system.topology))
    assert [problem[0] for problem in problems] == [path]
    assert message in problems[0][1]


def test_a_restart_loop_kills_its_own_replacements(world: World) -> None:
    """A restart loop kills the replacement of its last victim each time, and never the instance
    beside it."""
    before = {instance.id for instance in world.system.instances("gateway", "us-east")}
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        assert world.system.whole()
        return True

    RestartLoop.model_validate({"service": "gateway", "times": 4, "every": "2s"}).bind(world.arena).inject(
        wait
    )
    assert waits == [2, 2, 2]
    assert len(world.system.killed) == len(set(world.system.killed)) == 4
    assert len(before & {gateway.id for gateway in world.system.instances("gateway", "us-east")}) == 1


def test_a_restart_loop_kills_an_instance_again_that_keeps_its_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that is started again has the id that it had; it is killed as often as a replacement."""
    down: list[Instance] = []
    kills: list[str] = []
    instances = world.system.instances

    def kill(victims: Sequence[Instance]) -> None:
        kills.extend(victim.id for victim in victims)
        down.extend(victims)

    def running(*keys: Any) -> list[Instance]:
        return [instance for instance in instances(*keys) if instance not in down]

    monkeypatch.setattr(world.system, "instances", running)
    monkeypatch.setattr(world.system, "kill", kill)
    monkeypatch.setattr(world.system, "heal", lambda services: down.clear())
    RestartLoop(service="gateway", times=4).bind(world.arena).inject(lambda seconds: True)
    assert (len(kills), len(set(kills))) == (4, 1)


def test_a_restart_loop_ends_with_the_run(world: World) -> None:
    """A restart loop kills no instance after the run has ended, and leaves none missing."""
    RestartLoop(service="gateway", times=4).bind(world.arena).inject(lambda seconds: False)
    assert len(world.system.killed) == 1
    assert world.system.whole()


def test_a_restart_loop_whose_restart_fails_is_reverted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that a restart loop couldn't restart is started by `revert`."""

    def broken(services: object) -> None:
        raise PortError("nothing starts")

    loop = RestartLoop(service="gateway").bind(world.arena)
    with monkeypatch.context() as patch:
        patch.setattr(world.system, "heal", broken)
        with pytest.raises(PortError, match="nothing starts"):
            loop.inject(lambda seconds: True)
    assert not world.system.whole()
    loop.revert()
    assert world.system.whole()


def test_an_instance_that_ends_during_the_revert_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one instance ends while it is resumed, the other is still resumed; a failure on a running
    instance is an error."""
    fault = Pause(service="pricing", region="us-east", count="all").bind(world.arena)
    fault.inject(lambda seconds: True)
    substrate = world.system.substrate
    ended = next(iter(substrate.frozen))
    resume = substrate.resume

    def ends_now(instance: Instance) -> None:
        if instance.id == ended:
            substrate.kill(instance)
            raise PortError(f"{ended} isn't running")
        resume(instance)

    with monkeypatch.context() as patch:
        patch.setattr(substrate, "resume", ends_now)
        fault.revert()
    assert substrate.frozen == set()
    assert ended not in {instance.id for instance in substrate.instances()}

    def broken(instance: Instance) -> None:
        raise PortError("the engine doesn't answer")

    monkeypatch.setattr(substrate, "resume", broken)
    with pytest.raises(PortError, match="engine"):
        fault.revert()
