"""Any program on call, an agent as well: it holds the operators' door and is timed as people are."""

from __future__ import annotations

from collections.abc import Sequence

from runner.operations import Operation
from runner.ports import View


class External:
    """A `Responder` that waits for a program."""

    kind = "external"
    policy: str | None = None

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
