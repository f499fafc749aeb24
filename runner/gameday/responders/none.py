"""Nobody answers: the control that shows what an unanswered outage costs."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class Nobody:
    """Sees everything and does nothing."""

    kind = "none"
    policy: str | None = None

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
