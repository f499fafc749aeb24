"""Tests of the record of a system under test, and of the names that a scenario takes from it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gameday.load.journeys import JOURNEYS
from gameday.scenario import STOREFRONT, Load, Slo, System
from gameday.topology import bundled, read_topology


def test_the_storefront_matches_its_record() -> None:
    """The record's paths exist, its database is a service of that kind, and the load knows every
    journey."""
    compose = bundled.compose()
    assert (compose / STOREFRONT.code / "__init__.py").is_file()
    assert (compose / STOREFRONT.products).is_file()
    services = read_topology(compose, ("us-east",)).services
    assert {service.name for service in services if service.kind == "database"} == {STOREFRONT.database}
    assert set(JOURNEYS) == set(STOREFRONT.journeys)
    assert STOREFRONT.order_journeys == {"buy", "rush"}


def test_the_default_load_is_the_systems() -> None:
    """A scenario without journeys has the record's weights; a journey of weight 0 is sent only if
    named."""
    assert Load().journeys == {"browse": 6, "buy": 2, "login": 1, "history": 1}
    assert System().under_test is STOREFRONT


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (Load, {"journeys": {"bye": 1}}, "unknown journey 'bye'\ndid you mean 'buy'?"),
        (
            Slo,
            {"name": "a", "sli": "availability", "objective": "99%", "journey": "brwse"},
            "unknown journey 'brwse'\ndid you mean 'browse'?",
        ),
        (System, {"topology": "storefrnt"}, "unknown system 'storefrnt'\ndid you mean 'storefront'?"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(
    model: type[Load | Slo | System], data: dict[str, object], message: str
) -> None:
    """Unknown journeys and systems are rejected with the nearest name of the record."""
    with pytest.raises(ValidationError) as error:
        model.model_validate(data)
    assert message in str(error.value)
