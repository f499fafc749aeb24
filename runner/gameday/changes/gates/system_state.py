"""State of the running system for policies: is an incident open, how high is the load, how much budget is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from gameday.changes.gates.policy_language import WEEKDAYS
from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo import select, verdict

RECENT_S = 5.0
"""Seconds of planned requests that the load is measured over."""
ANSWERED_S = 0.25
"""How old a request must be to count: by then it has been answered, or it is bad."""


def system_state(
    samples: Samples, slos: Sequence[Slo], rate: float, now: float, wall: datetime
) -> Mapping[str, Any]:
    """Return the values of `state`: `incident`, `load` (multiple of `rate`), `budget_left` of the worst SLO, and the time.

    An incident is open if an SLO is in breach over its last window. `wall` is in UTC.
    """
    planned = samples.records["planned"]
    end = now - ANSWERED_S
    since = max(end - RECENT_S, float(planned[0]) if len(planned) else end)
    recent = int(np.count_nonzero((planned >= since) & (planned < end)))
    left, incident = 1.0, False
    for slo in slos:
        counts, good = select(slo, samples)
        seen = counts & (planned < end)
        n, bad = int(np.count_nonzero(seen)), int(np.count_nonzero(seen & ~good))
        if n:
            left = min(left, 1.0 - bad / (n * (1.0 - slo.objective)))
        inside = seen & (planned >= end - slo.window)
        in_window, bad_in_window = np.count_nonzero(inside), np.count_nonzero(inside & ~good)
        incident = incident or verdict(int(bad_in_window), int(in_window), slo.objective) == "breach"
    return {
        "incident": incident,
        "load": recent / (rate * (end - since)) if end > since else 0.0,
        "budget_left": left,
        "hour": wall.hour + wall.minute / 60,
        "weekday": WEEKDAYS[wall.weekday()],
    }
