"""Receivers of pages: `slack=URL`, `json=URL`, or `pagerduty=KEY` (`pagerduty=URL#KEY` for another Events v2 service).

URL and key are secrets, like passwords. No representation and no message shows them; only `shown` may be written.
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
    """One receiver. `key` is PagerDuty's routing key, empty for other formats."""

    url: str = field(repr=False)
    format: Format
    key: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """Return `slack at hooks.example.com`: no path, query or user, each of which may be the secret."""
        return f"{self.format} at {urlsplit(self.url).hostname}"


def read_target(text: str) -> Target:
    """Read a receiver from the command line or the environment. Raise ValueError, without the text in it."""
    name, _, address = text.strip().partition("=")
    format_ = next((known for known in FORMATS if known == name), None)
    if format_ is None:
        raise ValueError(f"a receiver of pages is written {' or '.join(f'{known}=…' for known in FORMATS)}")
    if format_ == "pagerduty" and not address.startswith(("http:", "https:")):
        address = f"{PAGERDUTY}#{address}"
    url, _, key = address.partition("#")
    _check_url(url, format_)
    if format_ == "pagerduty" and not re.fullmatch(r"[\w-]{1,100}", key):
        raise ValueError("pagerduty needs a routing key: pagerduty=KEY or pagerduty=URL#KEY")
    if format_ != "pagerduty" and key:
        raise ValueError(f"an address for {format_} has no # part")
    return Target(url, format_, key)


def _check_url(url: str, format_: str) -> None:
    """Raise ValueError if nothing can be sent to the address."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(f"the address for {format_} must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise ValueError(f"the address for {format_} must not hold a user or a password")
