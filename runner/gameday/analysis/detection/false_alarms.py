"""What the quiet time of a run says of false alarms: how many there were, and how many it can't rule out.

Quiet is from the steady state's begin to the fault or, where nothing had an effect, to the run's end. No alarm in T
seconds bounds their rate only at 3/T (95 %): a minute without one still allows 180 an hour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.alert_judgement import raised
from gameday.recording.journal import Event

HOUR_S = 3600.0
DOUBT = 0.05
HALVINGS = 60  # closer than a double can tell


def quiet(analysis: Analysis) -> dict[str, Any]:
    """The outcome's `quiet`: {since, until, seconds, pages, per_hour, bound_per_hour, detectors}.

    `detectors` has {alarms, per_hour, bound_per_hour} of each, paging or not. A detector that raised for an SLO is
    silent on it until rearmed, so past the first alarm these are the least it would have raised. All null where the
    run has no quiet time, as where an SLO was in breach in it.
    """
    span = _span(analysis)
    alarms = _alarms(analysis, *span) if span else []
    seconds = span[1] - span[0] if span else None
    pages = _rated(sum(1 for each in alarms if each.data.get("pages")), seconds)
    names = [each.detector for each in analysis.run.scenario.detectors]
    own = {name: sum(1 for each in alarms if each.data.get("detector") == name) for name in names}
    return {
        "since": span[0] if span else None,
        "until": span[1] if span else None,
        "seconds": seconds,
        "pages": pages.pop("alarms"),
        **pages,
        "detectors": {name: _rated(count, seconds) for name, count in own.items()},
    }


def most(count: int, doubt: float = DOUBT) -> float:
    """The largest Poisson mean that `count` events leave credible, one-sided: −ln(doubt) where there were none."""
    low, high = 0.0, count + 20.0 + 10.0 * math.sqrt(count + 1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > doubt else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """P(X ≤ count) of a Poisson X."""
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return math.fsum(math.exp(each) for each in logs)


def _span(analysis: Analysis) -> tuple[float, float] | None:
    """From when to when nothing was wrong; None where there is no such time."""
    run = analysis.run
    if run.steady_from is None or run.broken_before:
        return None
    unhurt = run.judged and not analysis.outages
    until = run.trigger.t if run.trigger and not unhurt else run.end
    return (run.steady_from, until) if until > run.steady_from else None


def _alarms(analysis: Analysis, since: float, until: float) -> Sequence[Event]:
    return [each for each in raised(analysis) if since <= each.t < until]


def _rated(count: int, seconds: float | None) -> dict[str, Any]:
    if seconds is None:
        return {"alarms": None, "per_hour": None, "bound_per_hour": None}
    hours = seconds / HOUR_S
    return {"alarms": count, "per_hour": count / hours, "bound_per_hour": most(count) / hours}
