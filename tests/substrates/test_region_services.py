"""The services of a region, and the entry link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gameday.ports import PortError
from gameday.substrates.region_services import entry_of, services_of
from tests.support.substrate_lab import topology


def test_services_of() -> None:
    """A region has its own services; the edge and an unknown name are errors that list the regions."""
    services = services_of(topology(), "eu-west")
    assert {service.region for service in services} == {"eu-west"}
    assert {service.name for service in services} == {"front", "web", "store", "links"}
    for none in ("edge", "eu"):
        with pytest.raises(PortError, match=f"no region '{none}'; regions: us-east, eu-west"):
            services_of(topology(), none)


def test_entry_of() -> None:
    """A system without a router has no entry, which is an error that says what is missing."""
    assert entry_of(topology()).name == "clients--edge"
    with pytest.raises(PortError, match="kind: router"):
        entry_of(replace(topology(), links=()))
