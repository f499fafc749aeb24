"""Feature flags: the values that an instance starts with, and which services have flags."""

from __future__ import annotations

import pytest

from gameday.system.settings.feature_flags import Flags
from gameday.system.settings.operator_settings import has
from gameday.topology import bundled, read_topology


def test_the_latest_switch_of_each_flag_stands() -> None:
    """Flags are kept by name; a copy read earlier doesn't change."""
    flags = Flags()
    assert flags.value() == ""
    flags.switch({"orders": False})
    read = flags.all()
    flags.switch({"checkout": False, "orders": True})
    assert (read, flags.all()) == ({"orders": False}, {"orders": True, "checkout": False})
    assert flags.value() == "checkout=off,orders=on"


@pytest.mark.parametrize(
    "service", read_topology(bundled.compose(), ("us-east",)).services, ids=lambda service: service.id
)
def test_every_service_that_serves_requests_has_flags(service: object) -> None:
    """Databases and link servers have none."""
    assert has(service, Flags.variable) == (service.ready == "http")  # type: ignore[arg-type,attr-defined]
