"""A person on call, who acts through the operator API; this responder decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.operations import Operation
from gameday.ports import View


class Human:
    """A `Responder` that never acts: wait for people."""

    kind = "human"

    def __init__(self, policy: str | None = None) -> None:
        self.policy = policy

    def poll(self, view: View) -> Sequence[Operation]:
        return ()
