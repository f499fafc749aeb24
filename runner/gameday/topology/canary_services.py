"""Canary services: beside a service, one of the same kind without instances, and links to it from each of its callers.

A canary is a service of its own, so that substrates, link servers and readiness treat it like any other. Its callers get
its address in a second variable, named after the first: `PRICING_URL_CANARY` beside `PRICING_URL`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gameday.topology.topology_model import CLIENTS, Link, Service, Template, Topology

SUFFIX = "-canary"
VARIABLE = "CANARY"
"""The variable with the shares of users, in each caller's environment."""


def canary_name(service: str) -> str:
    """Return the name of a service's canary: `pricing` → `pricing-canary`."""
    return f"{service}{SUFFIX}"


def can_have_canary(topology: Topology, service: str) -> bool:
    """Return True if other services of the system call the service, and it keeps no data of its own."""
    kinds = {one.kind for one in topology.places(service)}
    callers = {link.caller for link in topology.links if link.callee == service}
    return kinds == {"service"} and bool(callers - {CLIENTS})


def with_canaries(topology: Topology, services: frozenset[str]) -> Topology:
    """Return the topology with a canary beside each of the services; the same one if there are none."""
    if not services:
        return topology
    callers = [_with_variables(service, topology, services) for service in topology.services]
    canaries = [_canary(service) for service in callers if service.name in services]
    links = [link for one in topology.links for link in _links(one, services)]
    return replace(topology, services=(*callers, *canaries), links=(*topology.links, *links))


def _canary(service: Service) -> Service:
    name = canary_name(service.name)
    networks = {
        network: tuple(Template(alias.text.replace(service.name, name, 1)) for alias in aliases)
        for network, aliases in service.networks.items()
    }
    return replace(service, name=name, instances=0, networks=networks)


def _links(link: Link, services: frozenset[str]) -> Iterator[Link]:
    """Yield the ways to the callee's canary, and those of the caller's canary."""
    callers = [link.caller, *([canary_name(link.caller)] if link.caller in services else [])]
    if link.callee in services:
        name = canary_name(link.callee)
        to_canary = replace(
            link,
            callee=name,
            variable=_variable(link.variable),
            default=link.default.replace(link.callee, name, 1),
        )
        yield from (replace(to_canary, caller=caller) for caller in callers)
    yield from (replace(link, caller=caller) for caller in callers[1:])


def _with_variables(service: Service, topology: Topology, services: frozenset[str]) -> Service:
    """Return the service with a second address of each peer that has a canary, and with the shares of users."""
    wanted = {link.variable for link in topology.links_from(service) if link.callee in services}
    added: dict[str, Template] = {}
    for key, template in service.environment.items():
        for variable in wanted & set(template.variables()):
            added |= {f"{key}_CANARY": Template(f"${{{_variable(variable)}:-}}"), VARIABLE: _shares()}
    environment: Mapping[str, Template] = {**service.environment, **added}
    return replace(service, environment=environment)


def _variable(variable: str) -> str:
    """Return the variable of the link to a canary: `LINK_CHECKOUT_PRICING` → `LINK_CHECKOUT_PRICINGCANARY`."""
    return f"{variable}CANARY"


def _shares() -> Template:
    return Template(f"${{{VARIABLE}:-}}")
