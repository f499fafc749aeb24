"""Any program on call, an agent as well: it holds the operators' door and is timed as people are."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class External:
    """A `Responder` that waits for a program."""

    kind = "external"
    policy: str | None = None

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
