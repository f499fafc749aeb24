"""Regions lost, flapping and grey."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gameday.faults.region import Flap, Grey, Lose
from gameday.ports import PortError
from tests.support.fake_arena import World
from tests.support.fake_substrate import FakeSubstrate

GATEWAY = "edge--gateway.eu-west"


def test_a_flapping_region_is_down_and_up_in_turn_and_ends_up(world: World) -> None:
    """Each `down` and `up` lasts for its duration; there is no wait after the last."""
    waits: list[tuple[float, bool]] = []

    def wait(seconds: float) -> bool:
        waits.append((seconds, world.sound(GATEWAY)))
        return True

    Flap.model_validate({"region": "eu-west", "times": 2, "down": "2s", "up": "5s"}).bind(world.arena).inject(
        wait
    )
    assert waits == [(2, False), (5, True), (2, False)]
    assert world.sound(GATEWAY)


def test_a_flap_that_is_cut_short_leaves_the_region_joined(world: World) -> None:
    """If the run ends while the region is down, the flap takes no further turn and no link stays cut."""
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    Flap(region="eu-west").bind(world.arena).inject(wait)
    assert len(waits) == 1
    assert world.sound(GATEWAY)


def test_a_flap_that_fails_while_the_region_is_down_is_reverted(world: World) -> None:
    """`revert` joins the region after a flap that failed while it was down."""

    def wait(seconds: float) -> bool:
        raise PortError("the runner stumbled")

    flap = Flap(region="eu-west").bind(world.arena)
    with pytest.raises(PortError, match="stumbled"):
        flap.inject(wait)
    assert not world.sound(GATEWAY)
    flap.revert()
    assert world.sound(GATEWAY)


@pytest.mark.parametrize(("volumes", "destroyed"), [("keep", []), ("destroy", ["eu-west"])])
def test_volumes_are_destroyed_only_on_request(volumes: str, destroyed: list[str], world: World) -> None:
    """Volumes are kept unless the fault has `destroy`."""
    Lose.model_validate({"region": "eu-west", "volumes": volumes}).bind(world.arena).inject(
        lambda seconds: True
    )
    assert isinstance(world.system.substrate, FakeSubstrate)
    assert world.system.substrate.destroyed == destroyed


def test_a_grey_region_without_anything_grey_is_refused() -> None:
    """A grey region needs a latency, a jitter or a loss."""
    with pytest.raises(ValidationError, match="does nothing"):
        Grey.model_validate({"region": "eu-west", "share": "50%"})
