"""The normal state of a stream, from which a detector is designed; `gameday.telemetry` measures it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DAY_S = 86_400.0
QUIET_S = 30 * DAY_S  # the budget of false alarms: one in so long, over all streams together

Outcomes = Sequence[tuple[float, bool]]
"""(t in seconds since the run's start, good), in order of arrival."""


@dataclass(frozen=True)
class Normal:
    """`rate` outcomes/s of which p0 are bad. `steady`: outcomes of the steady state, empty before
    it is measured.

    `streams` share the budget of false alarms, so each may raise one in `streams` times the
    budget's time.
    """

    p0: float
    rate: float
    streams: int = 1
    steady: Outcomes = ()
