"""A person on call: everything comes in by the operators' door, so here nothing is ever decided."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class Human:
    """A `Responder` that waits for people."""

    kind = "human"
    policy: str | None = None

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
