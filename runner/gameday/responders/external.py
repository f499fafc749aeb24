"""A program on call, such as an agent: it acts through the operator API and is timed as people are."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class External:
    """A `Responder` that never acts: wait for a program."""

    kind = "external"

    def __init__(self, policy: str | None = None) -> None:
        self.policy = policy

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
