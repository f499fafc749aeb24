"""Faults of a service's address."""

from __future__ import annotations

import pytest

from gameday.faults.address_gone import Gone
from tests.support.fake_arena import World


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"service": "payments"}, ["us-east.checkout--payments", "eu-west.checkout--payments"]),
        ({"service": "payments", "region": "eu-west"}, ["eu-west.checkout--payments"]),
        ({"service": "gateway", "region": "us-east"}, ["edge--gateway.us-east"]),
        (
            {"service": "postgres", "region": "us-east"},
            [
                "us-east.checkout--postgres",
                "eu-west.checkout--postgres.us-east",
                "eu-west.postgres--postgres.us-east",
            ],
        ),
    ],
)
def test_every_caller_loses_its_way_to_it(keys: dict[str, str], names: list[str], world: World) -> None:
    """Links in the service's region are hit; for a service outside all regions, those in its
    callers' regions."""
    assert sorted(Gone.model_validate(keys).bind(world.arena).undo()["chosen"]["links"]) == sorted(names)


def test_a_service_without_callers_is_rejected(world: World) -> None:
    """A service without callers, such as the edge, is rejected."""
    problems = list(Gone(service="edge").problems(world.system.topology))
    assert [path for path, _, _ in problems] == [("service",)]
