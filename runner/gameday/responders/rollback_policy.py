"""Policy `rollback-latest-change`: roll back the newest change in effect; if the page comes again, the next."""

from __future__ import annotations

from gameday.operations import Change, Operation
from gameday.ports import View


class RollbackLatestChange:
    """The policy. It ignores regions and databases, and does nothing without a change in the feed."""

    def __init__(self, by: str) -> None:
        self._by = by

    def decide(self, view: View) -> Operation | None:
        change = latest(view) if any(alert.pages for alert in view.alerts) else None
        return Operation("rollback", change.service, self._by, change.id) if change else None


def latest(view: View) -> Change | None:
    """Return the newest change that is in effect, began before the last page and wasn't rolled back yet; None without one.

    Rollbacks don't count. A change shipped since the last page is more likely a cure than the cause.
    """
    paged = max((alert.t for alert in view.alerts if alert.pages), default=0.0)
    tried = {operation.change for operation, _ in view.operations if operation.name == "rollback"}
    standing = [
        change
        for change in view.changes
        if change.rollback_of is None
        and change.state in ("running", "done")
        and change.id not in tried
        and change.t <= paged
    ]
    return max(standing, key=lambda change: change.t, default=None)
