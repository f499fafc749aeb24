"""The time that a responder takes to react to a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gameday.operations import Operation
from gameday.ports import Responder, View


class Delayed:
    """A `Responder` that sees each alert `reaction` seconds after it was raised, and everything else at once."""

    def __init__(self, responder: Responder, reaction: float) -> None:
        self.kind = responder.kind
        self.policy = responder.policy
        self._responder = responder
        self._reaction = reaction

    def poll(self, view: View) -> Sequence[Operation]:
        seen = tuple(alert for alert in view.alerts if alert.t <= view.now - self._reaction)
        return self._responder.poll(replace(view, alerts=seen))
