"""The Protocol of policies, and the check of what plug-ins register as one."""

from __future__ import annotations

from typing import Protocol

from gameday.operations import Operation
from gameday.ports import View


class Policy(Protocol):
    """Decide what to do now, if anything. `Auto` calls it only while no operation is under way.

    A policy is registered as a callable that makes one for a run from the name in which its operations are ordered.
    """

    def decide(self, view: View) -> Operation | None: ...


def reject(name: str, factory: object) -> str | None:
    """Return why an object can't be registered as a policy or responder, or None if it can."""
    return None if callable(factory) else f"is a {type(factory).__name__}; a class or function is expected"
