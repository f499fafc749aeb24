"""Flags as an instance is told of them at its start, and which services have any."""

from __future__ import annotations

import pytest

from gameday.system.feature_flags import Flags, has_flags, variable
from gameday.topology import bundled, read_topology


def test_the_latest_switch_of_each_flag_stands() -> None:
    """By name; what was read before doesn't change."""
    flags = Flags()
    assert variable(flags.all()) == {}
    flags.switch({"orders": False})
    read = flags.all()
    flags.switch({"checkout": False, "orders": True})
    assert (read, flags.all()) == ({"orders": False}, {"orders": True, "checkout": False})
    assert variable(flags.all()) == {"FLAGS": "checkout=off,orders=on"}


@pytest.mark.parametrize(
    "service", read_topology(bundled.compose(), ("us-east",)).services, ids=lambda each: each.id
)
def test_every_service_that_serves_requests_has_flags(service: object) -> None:
    """Of the shop's; databases and link servers have none."""
    assert has_flags(service) == (service.ready == "http")  # type: ignore[arg-type,attr-defined]
