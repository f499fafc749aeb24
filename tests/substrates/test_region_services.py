"""The services of a region."""

from __future__ import annotations

import pytest

from gameday.ports import PortError
from gameday.substrates.region_services import services_of
from tests.support.substrate_lab import topology


def test_services_of() -> None:
    """Those of the region and of no other; the edge and what nobody knows are errors that name the regions."""
    found = services_of(topology(), "eu-west")
    assert {service.region for service in found} == {"eu-west"}
    assert {service.name for service in found} == {"front", "web", "store", "links"}
    for none in ("edge", "eu"):
        with pytest.raises(PortError, match=f"'{none}' is no region: us-east, eu-west"):
            services_of(topology(), none)
