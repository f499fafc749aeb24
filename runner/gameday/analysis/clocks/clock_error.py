"""Clock error: how far the clocks of a run may be off at 95 %, by the calibrated machine and the spacing of requests.

A fault shows only in the requests that meet it. Bad requests come rate × p1 times a second, so the first one comes up
to ln 20/(rate × p1) after the truth, and the last one as long before it. The two errors are added, not combined as the
root of their squares: both are one-sided, and for two equal exponentials the root covers only 92 %, the sum 98 %.
"""

from __future__ import annotations

import math

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.detection_delay import bad_ratio, normal
from gameday.analysis.model.time_models import ClockError, Spacing
from gameday.slo import Outage

SHARE = 20.0
"""One outage in this many is off by more."""


def spacing(analysis: Analysis) -> Spacing:
    """Return the error by spacing of each clock, from the SLO that set it: the first to break, the last to hold again."""
    broken = [(course.name, outage) for course in analysis.courses for outage in course.outages]
    if analysis.clocks.effect is None or not broken:
        return Spacing()
    ended = analysis.clocks.recovered is not None
    first = min(broken, key=lambda pair: pair[1].effect)
    last = max(broken, key=lambda pair: pair[1].recovered or -math.inf)
    return Spacing(effect=_apart(analysis, *first), recovered=_apart(analysis, *last) if ended else None)


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


def _apart(analysis: Analysis, slo: str, outage: Outage) -> float | None:
    """Return ln 20/(rate × p1), assuming a constant share of bad requests throughout the outage."""
    p1 = bad_ratio(analysis.run, slo, outage)
    known = normal(analysis.run, slo, outage.effect)
    return math.log(SHARE) / (known.rate * p1) if known and p1 else None


def _sum(one: float | None, two: float | None) -> float | None:
    return None if one is None or two is None else one + two
