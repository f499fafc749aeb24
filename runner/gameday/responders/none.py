"""No responder: the control that shows what an unanswered outage costs."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class NoResponder:
    """A `Responder` that never acts: do nothing."""

    kind = "none"

    def __init__(self, policy: str | None = None) -> None:
        self.policy = policy

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
