"""Receivers of pages: `slack=URL`, `json=URL`, or `pagerduty=KEY` (`pagerduty=URL#KEY` for another Events v2 service).

URL and key are secrets, like passwords. No representation and no message shows them; only `shown` may be written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gameday.paging.receiver_kind import ReceiverKind
from gameday.registries import PAGING, ExtensionError


@dataclass(frozen=True)
class Target:
    """One receiver. `format` is a registered kind; `key` is its key, such as PagerDuty's routing key, or empty."""

    url: str = field(repr=False)
    format: str
    key: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """Return `slack at hooks.example.com`: no path, query or user, each of which may be the secret."""
        return f"{self.format} at {urlsplit(self.url).hostname}"


def read_target(text: str) -> Target:
    """Read a receiver from the command line or the environment. Raise ValueError, without the text in it."""
    name, _, address = text.strip().partition("=")
    if name not in PAGING:
        raise ValueError(f"a receiver of pages is written {' or '.join(f'{known}=…' for known in PAGING)}")
    try:
        kind: ReceiverKind = PAGING[name]
    except ExtensionError as error:
        raise ValueError(str(error)) from error
    if kind.default_url and not address.startswith(("http:", "https:")):
        address = f"{kind.default_url}#{address}"
    url, _, key = address.partition("#")
    _check_url(url, name)
    if kind.key_pattern and not re.fullmatch(kind.key_pattern, key):
        raise ValueError(f"{name} needs a routing key: {name}=KEY or {name}=URL#KEY")
    if not kind.key_pattern and key:
        raise ValueError(f"an address for {name} has no # part")
    return Target(url, name, key)


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
