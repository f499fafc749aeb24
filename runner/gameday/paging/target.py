"""Where pages go: `slack=URL`, `json=URL`, or `pagerduty=KEY` (`pagerduty=URL#KEY`: another that speaks Events v2).

URL and key are secrets: such addresses are passwords. They show in no representation and in no message; `shown` is all
that may be written down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

Format = Literal["slack", "pagerduty", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


@dataclass(frozen=True)
class Target:
    """`key` is PagerDuty's routing key, and empty elsewhere."""

    url: str = field(repr=False)
    format: Format
    key: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """`slack at hooks.example.com`: no path, no query, no user, for each may be the secret."""
        return f"{self.format} at {urlsplit(self.url).hostname}"


def read_target(text: str) -> Target:
    """From the command line or the environment. Raises ValueError, without the text in it."""
    named, _, rest = text.strip().partition("=")
    known = next((each for each in FORMATS if each == named), None)
    if known is None:
        raise ValueError(f"where pages go is written {' or '.join(f'{each}=…' for each in FORMATS)}")
    if known == "pagerduty" and not rest.startswith(("http:", "https:")):
        rest = f"{PAGERDUTY}#{rest}"
    url, _, key = rest.partition("#")
    _checked(url, known)
    if known == "pagerduty" and not re.fullmatch(r"[\w-]{1,100}", key):
        raise ValueError("pagerduty needs a routing key: pagerduty=KEY or pagerduty=URL#KEY")
    if known != "pagerduty" and key:
        raise ValueError(f"an address for {known} has no # part")
    return Target(url, known, key)


def _checked(url: str, known: str) -> None:
    """Raises ValueError where nothing can be sent there."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(f"the address for {known} is no http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError(f"the address for {known} may hold no user and no password")
