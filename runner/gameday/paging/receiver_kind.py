"""The record that registers a kind of receiver of pages: how its address is written and what is sent to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ReceiverKind:
    """A kind of receiver, written `NAME=URL`, or `NAME=URL#KEY` if it has keys.

    `payload(target, action, page, by)` returns the JSON body of a POST; `action` is trigger, acknowledge or resolve. A
    kind with a `default_url` has keys and may be written `NAME=KEY`; `key_pattern` is a regular expression of a key.
    """

    payload: Callable[..., Mapping[str, Any]]
    default_url: str = ""
    key_pattern: str = ""


def reject(name: str, kind: object) -> str | None:
    """Return why an object can't be registered as a kind of receiver, or None if it can."""
    if not isinstance(kind, ReceiverKind):
        return f"is a {type(kind).__name__}; a gameday.paging.ReceiverKind is expected"
    return None
