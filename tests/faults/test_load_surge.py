"""Faults of the load."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gameday.faults.load_surge import Surge
from tests.support.fake_arena import World


def test_a_ramped_surge_grows_from_the_plan(world: World) -> None:
    """A ramped surge takes even steps from the planned rate to the full factor."""
    factors: list[float] = []

    def wait(seconds: float) -> bool:
        factors.append(world.load.factor)
        return True

    fault = Surge.model_validate({"factor": 4, "ramp": "500ms"}).bind(world.arena)
    fault.inject(wait)
    assert [*factors, world.load.factor] == pytest.approx([2, 3, 4])
    fault.revert()
    assert world.load.factor == 1


@pytest.mark.parametrize("factor", [0, 1, -2, 1000])
def test_a_factor_that_is_no_surge_is_refused(factor: float) -> None:
    """A factor of 1, of 0 or less, or above 100 is rejected."""
    with pytest.raises(ValidationError, match="factor"):
        Surge(factor=factor)
