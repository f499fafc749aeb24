"""Automation on call: takes every page at once, and does one thing at a time, by a policy.

It sees alerts, the change feed, regions and the operations so far, never the fault. What to do is left to the policies,
each in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gameday.operations import Operation
from gameday.ports import View
from gameday.responders.failover import FailoverThenRollback
from gameday.responders.rollback import RollbackLatestChange


class Policy(Protocol):
    """Decides what to do now, if anything; asked only while no operation is under way."""

    def decide(self, view: View) -> Operation | None: ...


POLICIES: Mapping[str, Callable[[str], Policy]] = {
    "rollback-latest-change": RollbackLatestChange,
    "failover-then-rollback": FailoverThenRollback,
}
"""By its name in a scenario, what makes the policy for an actor: operations are ordered in the actor's name."""


class Auto:
    """A `Responder`. It is of one run: a policy may remember what it has seen. KeyError for an unknown policy."""

    kind = "auto"

    def __init__(self, policy: str = "rollback-latest-change") -> None:
        self.policy: str | None = policy
        self._policy = POLICIES[policy](self.kind)

    def poll(self, view: View) -> Sequence[Operation]:
        taken = {operation.target for operation, _ in view.operations if operation.name == "ack"}
        acks = [Operation("ack", a.id, self.kind) for a in view.alerts if a.pages and a.id not in taken]
        if any(state == "running" for operation, state in view.operations if operation.name != "ack"):
            return acks
        operation = self._policy.decide(view)
        return [*acks, operation] if operation else acks
