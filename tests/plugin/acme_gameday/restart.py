"""The policy `acme-restart`: after each page, restart the service that most often hangs."""

from __future__ import annotations

from gameday.operations import Operation
from gameday.ports import View

SERVICE = "pricing"


class RestartService:
    """A `gameday.responders.policy.Policy`. It sees alerts and operations, never the fault."""

    def __init__(self, by: str) -> None:
        self._by = by

    def decide(self, view: View) -> Operation | None:
        pages = [alert for alert in view.alerts if alert.pages]
        restarts = [operation for operation, _ in view.operations if operation.name == "restart"]
        return Operation("restart", SERVICE, self._by) if len(pages) > len(restarts) else None
