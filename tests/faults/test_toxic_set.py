"""Toxics of faults on real links: overlapping, ramped, in both directions, on a share of connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gameday.faults import FAULTS
from gameday.ports import Fault, PortError, Toxic
from gameday.topology import Link
from tests.support.fake_arena import SOON_S, World

LINK = "us-east.checkout--payments"
PAYMENTS = {"link": {"from": "checkout", "to": "payments"}}


def fault(kind: str, spec: Mapping[str, Any], world: World) -> Fault:
    return FAULTS[kind].model_validate(spec).bind(world.arena)


def toxics(world: World, name: str = LINK) -> list[Any]:
    link = next(candidate for candidate in world.system.topology.links if candidate.name == name)
    return sorted(world.system.links.toxics(link).values(), key=lambda toxic: str(toxic.name))


def at_once(seconds: float) -> bool:
    return True


def test_two_of_a_kind_overlap_and_end_each_for_itself(world: World) -> None:
    """Reverting one of two overlapping faults leaves the other's toxic in place."""
    first, second = (
        fault("link.latency", {**PAYMENTS, "latency": latency}, world) for latency in ("1m", "2m")
    )
    first.inject(at_once)
    second.inject(at_once)
    assert sorted(toxic.attributes["latency"] for toxic in toxics(world)) == [60_000, 120_000]
    first.revert()
    assert [toxic.attributes["latency"] for toxic in toxics(world)] == [120_000]
    assert not world.sound(LINK, SOON_S)
    second.revert()
    assert toxics(world) == []
    assert world.sound(LINK)


@pytest.mark.parametrize(
    ("direction", "streams"),
    [("upstream", ["upstream"]), ("downstream", ["downstream"]), ("both", ["downstream", "upstream"])],
)
def test_a_direction_says_which_streams_are_hit(direction: str, streams: list[str], world: World) -> None:
    """`both` adds two toxics to every link that the selector matches, with the share of connections."""
    fault("link.timeout", {**PAYMENTS, "direction": direction, "share": "30%"}, world).inject(at_once)
    for name in (LINK, "eu-west.checkout--payments"):
        assert [(toxic.stream, toxic.toxicity) for toxic in toxics(world, name)] == [
            (stream, 0.3) for stream in streams
        ]
    assert toxics(world, "us-east.checkout--pricing") == []


def seen_in_ramp(kind: str, spec: Mapping[str, Any], world: World) -> list[Any]:
    """Return the link's toxics before each step of a ramp of half a second, and at its end."""
    steps = []

    def wait(seconds: float) -> bool:
        steps.append(toxics(world))
        return True

    fault(kind, {**spec, "ramp": "500ms"}, world).inject(wait)
    return [*steps, toxics(world)]


def test_a_ramp_of_latency_grows_on_the_real_link(world: World) -> None:
    """Latency and jitter grow together; the share is constant."""
    spec = {**PAYMENTS, "latency": "300ms", "jitter": "30ms", "share": "50%"}
    steps = seen_in_ramp("link.latency", spec, world)
    assert [dict(toxic.attributes) for (toxic,) in steps] == [
        {"latency": 100, "jitter": 10},
        {"latency": 200, "jitter": 20},
        {"latency": 300, "jitter": 30},
    ]
    assert [toxic.toxicity for (toxic,) in steps] == [0.5] * 3


def test_a_ramp_without_a_strength_raises_the_share(world: World) -> None:
    """A ramp of a toxic without a strength raises the share of connections."""
    steps = seen_in_ramp("link.reset", {**PAYMENTS, "share": "60%"}, world)
    assert [toxic.toxicity for (toxic,) in steps] == pytest.approx([0.2, 0.4, 0.6])


def test_a_grey_region_is_slow_and_lossy_at_its_border_only(world: World) -> None:
    """Links with exactly one end in the grey region get a latency for one share of connections and
    a reset for another."""
    spec = {"region": "eu-west", "latency": "200ms", "jitter": "50ms", "loss": "5%", "share": "40%"}
    grey = fault("region.grey", spec, world)
    grey.inject(at_once)
    loss, slow = toxics(world, "edge--gateway.eu-west")
    assert (loss.type, loss.toxicity) == ("reset_peer", 0.05)
    assert (slow.type, slow.toxicity, slow.attributes) == ("latency", 0.4, {"latency": 200, "jitter": 50})
    assert toxics(world, "eu-west.checkout--pricing") == toxics(world, LINK) == []
    grey.revert()
    assert toxics(world, "edge--gateway.eu-west") == []


def test_a_revert_that_fails_on_one_link_continues_with_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revert tries every link, names the failures, and can be repeated."""
    slow = fault("link.latency", {**PAYMENTS, "latency": "1m"}, world)
    slow.inject(at_once)
    links = world.system.links
    remove = type(links).remove_toxic

    def stubborn(link: Link, name: str) -> None:
        if link.name == LINK:
            raise PortError(f"{link.name} doesn't answer")
        remove(links, link, name)

    with monkeypatch.context() as patch:
        patch.setattr(links, "remove_toxic", stubborn)
        with pytest.raises(PortError, match=LINK):
            slow.revert()
    assert toxics(world, "eu-west.checkout--payments") == []
    slow.revert()
    assert toxics(world) == []


def test_an_inject_that_fails_half_way_is_reverted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an injection that failed half-way, `revert` restores the links that were already hit."""
    links = world.system.links
    attempted: list[str] = []
    add = type(links).add_toxic

    def first_only(link: Link, toxic: Toxic) -> None:
        if attempted:
            raise PortError(f"{link.name} doesn't answer")
        attempted.append(link.name)
        add(links, link, toxic)

    monkeypatch.setattr(links, "add_toxic", first_only)
    cut_short = fault("link.latency", {**PAYMENTS, "latency": "1m"}, world)
    with pytest.raises(PortError, match="doesn't answer"):
        cut_short.inject(at_once)
    assert len(toxics(world, attempted[0])) == 1
    cut_short.revert()
    assert toxics(world, attempted[0]) == []
