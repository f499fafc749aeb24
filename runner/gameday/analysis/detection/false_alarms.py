"""False alarms in the quiet time of a run: how many there were, and what rate can't be ruled out.

Quiet time is from the begin of the steady state to the fault or, if nothing had an effect, to the end of the run. No
alarm in T seconds bounds the rate only at 3/T (95 %): a minute without one still allows 180 an hour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.alert_judgement import raised
from gameday.analysis.model.event_models import AlarmRate, Quiet
from gameday.recording.journal_events import AlertRaised

HOUR_S = 3600.0
DOUBT = 0.05
HALVINGS = 60  # enough for the precision of a double


def quiet(analysis: Analysis) -> Quiet:
    """Return the outcome's `quiet`; all None if the run has no quiet time, as when an SLO was in breach in it.

    A detector that raised for an SLO is silent on it until rearmed, so past the first alarm the counts are the least
    that it would have raised, and the bound takes only the time up to the first.
    """
    span = _span(analysis)
    names = [detector.detector for detector in analysis.run.scenario.detectors]
    if span is None:
        return Quiet(detectors={name: AlarmRate() for name in names})
    since, until = span
    alarms = _alarms(analysis, since, until)
    pages = _rate([alarm.t for alarm in alarms if alarm.pages], since, until)
    own = {name: [alarm.t for alarm in alarms if alarm.detector == name] for name in names}
    return Quiet(
        since=since,
        until=until,
        seconds=until - since,
        pages=pages.alarms,
        per_hour=pages.per_hour,
        bound_per_hour=pages.bound_per_hour,
        detectors={name: _rate(times, since, until) for name, times in own.items()},
    )


def most(count: int, doubt: float = DOUBT) -> float:
    """Return the one-sided upper bound of a Poisson mean after `count` events, at 1 − doubt: −ln(doubt) for none.

    Source: Garwood 1936.
    """
    low, high = 0.0, count + 20.0 + 10.0 * math.sqrt(count + 1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > doubt else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """Return P(X ≤ count) for a Poisson X."""
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return math.fsum(math.exp(log) for log in logs)


def _span(analysis: Analysis) -> tuple[float, float] | None:
    """Return when the quiet time began and ended; None if there was none."""
    run = analysis.run
    if run.steady_from is None or run.broken_before:
        return None
    unhurt = run.judged and not analysis.outages
    until = run.trigger.t if run.trigger and not unhurt else run.end
    return (run.steady_from, until) if until > run.steady_from else None


def _alarms(analysis: Analysis, since: float, until: float) -> Sequence[AlertRaised]:
    return [alarm for alarm in raised(analysis) if since <= alarm.t < until]


def _rate(times: Sequence[float], since: float, until: float) -> AlarmRate:
    return AlarmRate(
        alarms=len(times),
        per_hour=len(times) / (until - since) * HOUR_S,
        bound_per_hour=bound(min(times, default=None), since, until),
    )


def bound(first: float | None, since: float, until: float) -> float | None:
    """Return the most alarms an hour that the time up to the first one allows, at 95 %; None if it came at once."""
    if first is None:
        return most(0) / (until - since) * HOUR_S
    return most(1) / (first - since) * HOUR_S if first > since else None
