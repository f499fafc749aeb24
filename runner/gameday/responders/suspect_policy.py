"""Policy `rollback-suspect`: roll back the change that most likely is the cause, if one is likely enough."""

from __future__ import annotations

from gameday.operations import Operation, Suspect
from gameday.ports import View

LIKELY = 2 / 3
"""From these odds on, a change is rolled back at once."""
PATIENCE_S = 3.0
"""After so long since the first page, the likeliest change will do, if it is likelier than that none did it."""
LONGEST_S = 10.0
"""After so long, the likeliest change is rolled back in any case: a wrong roll-back costs less than a long outage."""


class RollbackSuspect:
    """The policy. It does nothing without a suspect; a change that it has taken back isn't tried again."""

    def __init__(self, by: str) -> None:
        self._by = by

    def decide(self, view: View) -> Operation | None:
        paged = min((alert.t for alert in view.alerts if alert.pages), default=None)
        if paged is None or view.ranked is None or view.ranked < paged:
            return None
        best = self._likeliest(view)
        if best is None or not _is_enough(best, view, view.now - paged):
            return None
        return Operation("rollback", best.service, self._by, best.change)

    def _likeliest(self, view: View) -> Suspect | None:
        """Return the likeliest change that is in effect and wasn't tried; None without one."""
        tried = {operation.change for operation, _ in view.operations if operation.name == "rollback"}
        standing = {
            change.id
            for change in view.changes
            if change.state in ("running", "paused", "done") and change.id not in tried
        }
        return next((suspect for suspect in view.suspects if suspect.change in standing), None)


def _is_enough(best: Suspect, view: View, waited: float) -> bool:
    if best.odds >= LIKELY or waited >= LONGEST_S:
        return True
    return waited >= PATIENCE_S and best.odds > 1 - sum(suspect.odds for suspect in view.suspects)
