"""Systems under test: what the runner knows of one system beyond its topology. The storefront is the bundled one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema

from gameday.scenario.own.journey_context import JOURNEYS
from gameday.scenario.yaml_document import nearest


@dataclass(frozen=True)
class JourneyShape:
    """A kind of journey of users.

    `steps` in their order; `routes` by which the services' own metrics count its requests; `places_order`: its last
    step places an order; `weight`: its share of the load unless a scenario sets one, 0 = none.
    """

    steps: tuple[str, ...]
    routes: frozenset[str]
    places_order: bool = False
    weight: float = 0.0


@dataclass(frozen=True)
class OperatorPaths:
    """Paths of the operators' endpoints that the system's instances serve."""

    status: str
    """Of the router: its checks of the regions."""
    flags: str
    behaviour: str
    """Of a third party: how it misbehaves."""
    traffic: str
    """Of the router, completed by `drain` or `undrain`."""
    canary: str
    """Of every service that calls others: which users get the canaries of their peers."""
    environments: str
    """Of the router, completed by the region and the deed."""


@dataclass(frozen=True)
class SystemUnderTest:
    """What is specific to a system.

    `database` is the name of its database service. `code` (what releases patch) and `products` (what the load asks
    for) are paths below the folder of its compose files. `seed_module` is a Python module that makes the database's
    first data; `request_counter` the counter of requests in its services' metrics.
    """

    name: str
    journeys: Mapping[str, JourneyShape]
    database: str
    code: str
    products: str
    seed_module: str
    request_counter: str
    paths: OperatorPaths

    @property
    def steps(self) -> Mapping[str, tuple[str, ...]]:
        """Journey → its steps."""
        return {name: journey.steps for name, journey in self.journeys.items()}

    @property
    def default_mix(self) -> dict[str, float]:
        """Journey → weight of the load unless a scenario sets it."""
        return {name: journey.weight for name, journey in self.journeys.items() if journey.weight}

    @property
    def order_journeys(self) -> frozenset[str]:
        """Journeys that place an order."""
        return frozenset(name for name, journey in self.journeys.items() if journey.places_order)


STOREFRONT = SystemUnderTest(
    name="storefront",
    journeys={
        "browse": JourneyShape(("product",), frozenset({"/products/{id}"}), weight=6),
        "buy": JourneyShape(
            ("product", "checkout"),
            frozenset({"/products/{id}", "/checkout"}),
            places_order=True,
            weight=2,
        ),
        "login": JourneyShape(("login", "account"), frozenset({"/login", "/account"}), weight=1),
        "history": JourneyShape(("orders",), frozenset({"/orders"}), weight=1),
        "costs": JourneyShape(("costs",), frozenset({"/costs"})),
        "rush": JourneyShape(("checkout",), frozenset({"/checkout"}), places_order=True),
    },
    database="postgres",
    code="storefront",
    products="storefront/data/products.json",
    seed_module="storefront.seed",
    request_counter="http_requests_total",
    paths=OperatorPaths(
        status="/_operator/status",
        flags="/_operator/flags",
        behaviour="/_operator/behaviour",
        traffic="/_operator",
        canary="/_operator/canary",
        environments="/_operator/environments",
    ),
)
SYSTEMS: Mapping[str, SystemUnderTest] = {STOREFRONT.name: STOREFRONT}
"""Every system that a scenario can name under `system.topology`."""


def _is_journey(name: str, info: ValidationInfo) -> str:
    """Return the name if the scenario's own journeys, which the context holds, or else the storefront's have it."""
    known = (info.context or {}).get(JOURNEYS) or list(STOREFRONT.journeys)
    if name not in known:
        raise ValueError(f"unknown journey {name[:80]!r}\n{nearest(name, known)}")
    return name


def _is_system(name: str) -> str:
    if name not in SYSTEMS:
        raise ValueError(f"unknown system {name[:80]!r}\n{nearest(name, SYSTEMS)}")
    return name


def _one_of(names: Mapping[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(
        {"enum": list(names), "type": "string"}
        if len(names) > 1
        else {"const": next(iter(names)), "type": "string"}
    )


Journey = Annotated[
    str,
    AfterValidator(_is_journey),
    WithJsonSchema({"type": "string", "examples": list(STOREFRONT.journeys)}),
]
SystemName = Annotated[str, AfterValidator(_is_system), _one_of(SYSTEMS)]
