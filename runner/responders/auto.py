"""Automation on call: takes the page and acts by one policy. It sees alerts and the change feed, never the fault."""

from __future__ import annotations

from collections.abc import Sequence

from runner.operations import Change, Operation
from runner.ports import View


class Auto:
    """Policy `rollback-latest-change`: take back the newest change that stands; if the alert comes again, the next."""

    kind = "auto"

    def __init__(self, policy: str = "rollback-latest-change") -> None:
        self.policy: str | None = policy

    def poll(self, view: View) -> Sequence[Operation]:
        taken = {operation.target for operation, _ in view.operations if operation.name == "ack"}
        acks = [Operation("ack", a.id, self.kind) for a in view.alerts if a.pages and a.id not in taken]
        busy = any(state == "running" for operation, state in view.operations if operation.name != "ack")
        if busy or not any(alert.pages for alert in view.alerts):
            return acks
        change = self._latest(view)
        return [*acks, Operation("rollback", change.service, self.kind, change.id)] if change else acks

    def _latest(self, view: View) -> Change | None:
        tried = {operation.change for operation, _ in view.operations if operation.name == "rollback"}
        standing = [
            change
            for change in view.changes
            if change.rollback_of is None and change.state in ("running", "done") and change.id not in tried
        ]
        return max(standing, key=lambda change: change.t, default=None)
