"""Tests of faults that overlap on one knob: each revert gives back its own share, in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gameday.faults import BUILT_IN
from gameday.faults.fault_spec import Bound
from gameday.faults.load_surge import Surge, headroom, together
from gameday.faults.standing_faults import StandingFaults
from gameday.ports import PortError
from tests.support.fake_arena import World
from tests.support.fake_substrate import FakeSubstrate

PRICING = "us-east.pricing"
LINK = {"from": "checkout", "to": "pricing", "region": "us-east"}


def bound(world: World, kind: str, **spec: Any) -> Bound:
    return BUILT_IN[kind].model_validate(spec).bind(world.arena)


def go_on(seconds: float) -> bool:
    return True


def rate(world: World) -> Any:
    return world.load.factor


def retries(world: World) -> Any:
    return world.load.attempts


def behaviour(world: World) -> Any:
    one = next(iter(world.system.behaviour.values()))
    return one["mode"], round(one["share"], 6)


def limited(world: World) -> Any:
    substrate = world.system.substrate
    assert isinstance(substrate, FakeSubstrate)
    return sorted(set(substrate.limited.values()), key=str)


def frozen(world: World) -> Any:
    return len(world.system.substrate.frozen)


def address(world: World) -> Any:
    return world.sound("us-east.checkout--pricing")


def region(world: World) -> Any:
    return world.sound("edge--gateway.eu-west")


CASES: list[
    tuple[str, tuple[str, dict[str, Any]], tuple[str, dict[str, Any]], Callable[[World], Any], Any, Any, Any]
]
CASES = [
    ("surges", ("load.surge", {"factor": 3}), ("load.surge", {"factor": 2}), rate, 4, 2, 1),
    (
        "retries",
        ("load.retry-storm", {"attempts": 5}),
        ("load.retry-storm", {"attempts": 2}),
        retries,
        5,
        2,
        0,
    ),
    (
        "two behaviours",
        ("dependency.error", {"service": "payments", "share": "30%"}),
        ("dependency.silent", {"service": "payments", "share": "20%"}),
        behaviour,
        ("silent", 0.2),
        ("silent", 0.2),
        ("ok", 1.0),
    ),
    (
        "one behaviour twice",
        ("dependency.error", {"service": "payments", "share": "50%"}),
        ("dependency.error", {"service": "payments", "share": "20%"}),
        behaviour,
        ("error", 0.6),
        ("error", 0.2),
        ("ok", 1.0),
    ),
    (
        "limits of two kinds",
        ("instance.cpu", {"service": "pricing", "cpus": 0.5}),
        ("instance.memory", {"service": "pricing", "memory": "64MiB"}),
        limited,
        [(0.5, 64 << 20)],
        [(None, 64 << 20)],
        [],
    ),
    (
        "limits of one kind",
        ("instance.cpu", {"service": "pricing", "cpus": 0.1}),
        ("instance.cpu", {"service": "pricing", "cpus": 0.5}),
        limited,
        [(0.1, None)],
        [(0.5, None)],
        [],
    ),
    (
        "pauses",
        ("instance.pause", {"service": "pricing", "count": "all"}),
        ("instance.pause", {"service": "pricing", "region": "us-east", "count": 1}),
        frozen,
        4,
        1,
        0,
    ),
    ("a database's pauses", ("database.pause", {}), ("database.pause", {}), frozen, 1, 1, 0),
    (
        "addresses",
        ("address.gone", {"service": "pricing"}),
        ("address.gone", {"service": "pricing", "region": "us-east"}),
        address,
        False,
        False,
        True,
    ),
    ("cuts", ("link.down", {"link": LINK}), ("link.down", {"link": LINK}), address, False, False, True),
    (
        "isolation",
        ("region.isolate", {"region": "eu-west"}),
        ("region.isolate", {"region": "eu-west"}),
        region,
        False,
        False,
        True,
    ),
]


@pytest.mark.parametrize(
    ("first", "second", "look", "both", "second_alone", "none"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_first_revert_leaves_the_second_fault(
    first: tuple[str, dict[str, Any]],
    second: tuple[str, dict[str, Any]],
    look: Callable[[World], Any],
    both: Any,
    second_alone: Any,
    none: Any,
    world: World,
) -> None:
    """While both stand their shares add up; the first revert gives back its own, also if repeated; the second ends it."""
    one, other = bound(world, first[0], **first[1]), bound(world, second[0], **second[1])
    one.inject(go_on)
    other.inject(go_on)
    assert look(world) == both
    for _ in range(2):
        one.revert()
        assert look(world) == second_alone
    other.revert()
    assert look(world) == none


@pytest.mark.parametrize(
    ("first", "second", "look", "none"),
    [(case[1], case[2], case[3], case[6]) for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_the_order_of_reverts_does_not_matter(
    first: tuple[str, dict[str, Any]],
    second: tuple[str, dict[str, Any]],
    look: Callable[[World], Any],
    none: Any,
    world: World,
) -> None:
    """If the newer fault is reverted first, the older one is what it was alone."""
    one, other = bound(world, first[0], **first[1]), bound(world, second[0], **second[1])
    one.inject(go_on)
    alone = look(world)
    other.inject(go_on)
    other.revert()
    assert look(world) == alone
    one.revert()
    assert look(world) == none


def test_a_revert_by_another_process_sets_the_knob_to_normal(world: World) -> None:
    """A process that rebuilds faults from the journal has an empty book: each revert is to the normal state."""
    fault = bound(world, "load.surge", factor=3)
    fault.inject(go_on)
    other = World(world.system, world.load)
    bound(other, "load.surge", factor=3).revert()
    assert world.load.factor == 1


def test_surges_add_their_shares() -> None:
    """Two surges bring their own requests each; a factor below 1 takes its share of what there is."""
    assert together([]) == 1
    assert together([3, 2]) == 4
    assert together([3, 0.5]) == 1.5


@pytest.mark.parametrize(
    ("surges", "most"),
    [
        ([], 1.0),
        ([(0, {"factor": 3, "for": "18s"}), (4, {"factor": 2, "for": "4s"})], 4.0),
        ([(0, {"factor": 3, "for": "2s"}), (20, {"factor": 2})], 3.0),
        ([(0, {"factor": 3}), (20, {"factor": 2})], 4.0),
    ],
)
def test_the_load_has_room_for_surges_that_overlap(
    surges: list[tuple[float, dict[str, Any]]], most: float
) -> None:
    """The headroom is the largest factor that standing surges make together, not of those that are over by then."""
    assert headroom([(at, Surge.model_validate(spec)) for at, spec in surges]) == most


def test_a_knob_that_cannot_be_set_is_tried_again(world: World) -> None:
    """A failed call leaves the share in the book, so that the revert sets the knob to normal."""
    book, calls = StandingFaults(), list[Any]()

    def fail(shares: Any) -> None:
        raise PortError("not now")

    with pytest.raises(PortError, match="not now"):
        book.put("knob", "a", 1, fail)
    book.take("knob", "a", calls.append)
    assert calls == [()]
