"""Automation on call: acknowledges every page at once and performs one operation at a time, chosen by a policy.

It sees alerts, the change feed, regions and the operations so far, never the fault. Each policy is a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gameday import registries
from gameday.operations import Operation
from gameday.ports import View
from gameday.responders.policy import Policy

POLICIES: Mapping[str, Callable[[str], Policy]] = registries.POLICIES
"""Name → a callable that makes the policy from the name in which its operations are ordered."""
DEFAULT = "rollback-latest-change"


class Auto:
    """A `Responder` for one run, since a policy may remember what it has seen.

    Raise KeyError if the policy isn't registered, ExtensionError if its plug-in is broken.
    """

    kind = "auto"

    def __init__(self, policy: str | None = None) -> None:
        self.policy: str | None = policy or DEFAULT
        self._policy = POLICIES[self.policy or DEFAULT](self.kind)

    def poll(self, view: View) -> Sequence[Operation]:
        taken = {operation.target for operation, _ in view.operations if operation.name == "ack"}
        acks = [Operation("ack", a.id, self.kind) for a in view.alerts if a.pages and a.id not in taken]
        if any(state == "running" for operation, state in view.operations if operation.name != "ack"):
            return acks
        operation = self._policy.decide(view)
        return [*acks, operation] if operation else acks
