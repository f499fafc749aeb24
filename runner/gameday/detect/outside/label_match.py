"""Parameters that every detector of outside alerts has, and the mapping from labels to SLO, service and region."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gameday.detect.outside.signals import Signal
from gameday.scenario.scenario_model import MOST, Part

LONGEST_PATTERN = 200


def _is_pattern(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    if re.search(r"[*+}]\)?[*+{]", pattern):
        raise ValueError(f"{pattern[:60]!r} repeats a repetition\nwrite it without one inside the other")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern[:60]!r} isn't a regular expression: {error}") from error
    return pattern


def _is_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{url[:80]!r} isn't the address of a server\nfor instance http://127.0.0.1:9093")
    return url.rstrip("/")


def _is_listener(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(host)
        fine = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(
            f"{text[:80]!r} isn't an address to listen on\nan IPv4 address and a port: 127.0.0.1:9099"
        )
    return text


Pattern = Annotated[str, AfterValidator(_is_pattern)]
Url = Annotated[str, AfterValidator(_is_url)]
Listener = Annotated[str, AfterValidator(_is_listener)]


class Rule(Part):
    """Alerts whose labels match the regular expressions of `match`, each against the whole value, mean this SLO.

    Without `slo`, the alert's label `slo` names it; without `region` or `service`, the label of that name.
    """

    match: dict[str, Pattern] = Field(default={}, max_length=20)
    slo: str | None = None
    region: str | None = None
    service: str | None = None


class Parameters(Part):
    """`alerts`: what an alert means, by the first rule that matches; an alert that none matches is kept and ignored.

    `listen` is another address of the webhook, whose token is in the environment variable `tokenEnv`. `prometheus` and
    `alertmanager` are asked, after an alert, for what it waited for.
    """

    alerts: tuple[Rule, ...] = Field(default=(Rule(),), min_length=1, max_length=MOST)
    listen: Listener | None = None
    token_env: str | None = Field(default=None, alias="tokenEnv", pattern="^[A-Z_][A-Z0-9_]*$")
    prometheus: Url | None = None
    alertmanager: Url | None = None


class Meaning(NamedTuple):
    """What an alert is about."""

    slo: str
    region: str | None
    service: str | None


def meaning(rules: Sequence[Rule], labels: Mapping[str, str]) -> Meaning | None:
    """Return the meaning of an alert by the first rule that matches its labels; None if there is none."""
    for rule in rules:
        if all(re.fullmatch(pattern, labels.get(name, "")) for name, pattern in rule.match.items()):
            slo = rule.slo or labels.get("slo")
            if slo:
                region, service = rule.region or labels.get("region"), rule.service or labels.get("service")
                return Meaning(slo, region or None, service or None)
    return None


def shown(signal: Signal, about: Meaning) -> str:
    """Return an alert in a few words."""
    what = signal.name or signal.key[:40]
    where = f" ({about.service})" if about.service else ""
    return f"{what}{where}: {signal.summary}" if signal.summary else f"{what}{where}"
