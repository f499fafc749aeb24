"""The services of a region."""

from __future__ import annotations

import pytest

from gameday.ports import PortError
from gameday.substrates.region_services import services_of
from tests.support.substrate_lab import topology


def test_services_of() -> None:
    """A region has its own services; the edge and an unknown name are errors that list the regions."""
    services = services_of(topology(), "eu-west")
    assert {service.region for service in services} == {"eu-west"}
    assert {service.name for service in services} == {"front", "web", "store", "links"}
    for none in ("edge", "eu"):
        with pytest.raises(PortError, match=f"no region '{none}'; regions: us-east, eu-west"):
            services_of(topology(), none)
