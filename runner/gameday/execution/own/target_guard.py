"""Where a system of one's own is, and the guard of its target: load and faults go to this machine and private networks only, unless a host is allowed by name."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gameday.scenario import Scenario, System
from gameday.scenario.yaml_document import Invalid, KeyPath, Problem, parse_yaml, read_text

VARIABLE = "GAMEDAY_ALLOW_TARGET"
"""Environment variable with more allowed hosts, separated by commas."""


def own_substrate(spec: System) -> tuple[str, str]:
    """Return the name of the substrate of a system of one's own, and why it is used."""
    if spec.external:
        return "external", "the scenario names an external system"
    return "compose", f"the scenario {'attaches to' if spec.attach else 'brings up'} a Compose project"


def refuse_public_target(scenario: Scenario, path: Path, allowed: Iterable[str]) -> None:
    """Raise Invalid, at the target's line, if load would go to a public address that isn't allowed."""
    hosts = {*allowed, *os.environ.get(VARIABLE, "").split(",")}
    for place, url in _targets(scenario):
        host = urlsplit(url).hostname or ""
        why = "" if host in hosts else _why_public(host)
        if why:
            hint = f"if you mean it and may do it: --allow-target {host}"
            raise Invalid([_located(path, place, f"{host} {why}", hint)])


def _targets(scenario: Scenario) -> Iterator[tuple[KeyPath, str]]:
    system = scenario.system
    if system.external:
        yield ("system", "external", "target"), system.external.target
    if isinstance(system.entry, str):
        yield ("system", "entry"), system.entry


def _why_public(host: str) -> str:
    """Return why a host counts as public, "" if all of its addresses are of this machine or private."""
    try:
        resolved = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        return f"can't be resolved, so that it may be public: {reason}"
    addresses = sorted({str(address[4][0]).partition("%")[0] for address in resolved})
    public = [address for address in addresses if not _is_private(address)]
    return f"is a public address ({public[0]})" if public else ""


def _is_private(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    return (parsed.is_private or parsed.is_loopback or parsed.is_link_local) and not parsed.is_unspecified


def _located(path: Path, place: KeyPath, message: str, hint: str) -> Problem:
    try:
        return parse_yaml(read_text(path), str(path)).problem(place, message, hint)
    except Invalid:
        return Problem(str(path), 0, 0, message, hint)
