"""Faults of third parties."""

from __future__ import annotations

import pytest

from gameday.faults.dependency import Error
from tests.support.fake_arena import World


def test_a_ramp_lets_the_share_of_requests_grow(world: World) -> None:
    """The third party's failing share is raised at each step, and reset at the end."""
    shares: list[float] = []

    def wait(seconds: float) -> bool:
        shares.extend(behaviour["share"] for behaviour in world.system.behaviour.values())
        return True

    fault = Error.model_validate({"service": "payments", "share": "60%", "ramp": "500ms"}).bind(world.arena)
    fault.inject(wait)
    assert shares == pytest.approx([0.2, 0.4])
    assert list(world.system.behaviour.values()) == [{"mode": "error", "share": pytest.approx(0.6)}]
    fault.revert()
    assert list(world.system.behaviour.values()) == [{"mode": "ok", "share": 1.0}]


def test_a_service_of_our_own_is_no_third_party(world: World) -> None:
    """A dependency fault of a service that isn't declared as a third party is rejected."""
    assert [path for path, _, _ in Error(service="pricing").problems(world.system.topology)] == [("service",)]
