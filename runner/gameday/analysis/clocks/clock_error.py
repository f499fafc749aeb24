"""Clock error: how far the clocks of a run may be off at 95 %, by the calibrated machine and the spacing of requests.

A fault shows only in the requests that meet it, so a clock is known no better than these are dense. `gameday.slo` finds
the half-width by spacing with each outage; the machine's own error is added, not combined as the root of the squares:
neither is normal, and a sum covers whatever their distributions are.
"""

from __future__ import annotations

import math

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.model.time_models import ClockError, Spacing


def spacing(analysis: Analysis) -> Spacing:
    """Return the error by spacing of each clock, from the SLO that set it: the first to break, the last to hold again."""
    broken = [outage for course in analysis.courses for outage in course.outages]
    if analysis.clocks.effect is None or not broken:
        return Spacing()
    ended = analysis.clocks.recovered is not None
    first = min(broken, key=lambda outage: outage.effect)
    last = max(broken, key=lambda outage: outage.recovered or -math.inf)
    return Spacing(effect=first.effect_error, recovered=last.recovered_error if ended else None)


def error(analysis: Analysis, apart: Spacing) -> ClockError:
    """Return the sum of calibration and spacing for each clock."""
    known, clocks = analysis.run.calibration, analysis.clocks
    effect = _sum(known.effect if known else None, apart.effect)
    recovered = _sum(known.recovered if known else None, apart.recovered)
    return ClockError(
        effect=effect,
        recovered=recovered,
        ttd=effect if clocks.detect is not None else None,
        ttr=_sum(effect, recovered),
    )


def _sum(one: float | None, two: float | None) -> float | None:
    return None if one is None or two is None else one + two
