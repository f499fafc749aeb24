"""How soon it could have been noticed: the stream that noticed first, and the limit that its time is held against.

What was normal is as the run itself took it (`stream.calibrated`); how bad it became is counted here, over the outage.
The limit is that of a step from the one to the other: of a fault that comes on slowly it is too strict a judge, and of
errors that come in bursts too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.detection_limit import DAY_S, limit
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.impact.impact import during
from gameday.analysis.model.time_models import Detection
from gameday.analysis.trials.binomial import upper_bound
from gameday.recording.journal_events import AlertRaised, StreamCalibrated
from gameday.recording.samples import Samples
from gameday.slo import Course, Outage, select

QUIET_S = 30 * DAY_S
"""The mean time between false alarms that the limit allows, over all paging streams together."""


@dataclass(frozen=True)
class Normal:
    """An SLO's stream in steady state: `errors` of `n` bad, `rate` outcomes/s, p0 the ratio of bad taken for normal.

    `streams`: how many share the budget of false alarms.
    """

    n: int
    errors: int
    rate: float
    p0: float
    streams: int


def detection(analysis: Analysis) -> Detection:
    """Of the stream whose page detected the outage or, where none did, of the SLO that broke first."""
    found = _noticed(analysis)
    if found is None:
        return Detection()
    course, outage = found
    p1 = bad_ratio(analysis.run, course.name, outage)
    known = normal(analysis.run, course.name, outage.effect)
    if known is None or p1 is None:
        return Detection(slo=course.name, p1=p1)
    upper = upper_bound(known.errors, known.n)
    limit_s = _limit(known.p0, p1, known)
    return Detection(
        slo=course.name,
        rate=known.rate,
        n=known.n,
        errors=known.errors,
        p0=known.p0,
        p0_upper=upper,
        p1=p1,
        limit_s=limit_s,
        limit_at_upper_s=_limit(upper, p1, known),
        ratio=times(_ttd(analysis), limit_s),
        streams=known.streams,
        arl_s=QUIET_S,
    )


def normal(run: Run, slo: str, until: float) -> Normal | None:
    """What the stream of `slo` last took for normal before `until`; None where the journal doesn't say."""
    calibrations = [
        event for event in run.journal.of(StreamCalibrated) if event.slo == slo and event.t <= until
    ]
    if not calibrations or calibrations[-1].rate <= 0 or calibrations[-1].streams <= 0:
        return None
    last = calibrations[-1]
    return Normal(last.n, last.errors, last.rate, last.p0, last.streams)


def bad_ratio(run: Run, slo: str, outage: Outage) -> float | None:
    """p1: the share of bad ones among what the SLO counts from the outage's effect to its end, or the run's."""
    samples = run.samples
    part = during(samples.records, outage.effect, outage.recovered, run.end)
    names = samples.journeys, samples.steps, samples.regions, samples.releases
    counts, good = select(run.scenario.slo(slo), Samples(part, *names))
    n = int(counts.sum())
    return (n - int(good.sum())) / n if n else None


def times(ttd: float | None, limit_s: float | None) -> float | None:
    """How many times the limit; None where there is none, or it is 0: the first bad request was enough."""
    return None if ttd is None or not limit_s else ttd / limit_s


def _limit(p0: float, p1: float, known: Normal) -> float | None:
    found = limit(p0, p1, known.rate, QUIET_S, streams=known.streams)
    return found if math.isfinite(found) else None


def _ttd(analysis: Analysis) -> float | None:
    clocks = analysis.clocks
    return None if clocks.detect is None or clocks.effect is None else clocks.detect - clocks.effect


def _noticed(analysis: Analysis) -> tuple[Course, Outage] | None:
    """The SLO's course and its outage that the first page spoke of; where nobody was paged, the first of all."""
    clocks = analysis.clocks
    if clocks.effect is None:
        return None
    if clocks.detect is not None:
        for alert in _pages_at(analysis.run, clocks.detect):
            outage = analysis.genuine(alert)
            if outage is not None:
                named = [each for each in analysis.courses if each.name == alert.slo]
                return next(each for each in named or analysis.courses if outage in each.outages), outage
    broken = [each for each in analysis.courses if each.outages]
    first = min(broken, key=lambda each: each.outages[0].effect)
    return first, first.outages[0]


def _pages_at(run: Run, t: float) -> Iterator[AlertRaised]:
    return (alert for alert in run.journal.of(AlertRaised) if alert.t == t and alert.pages)
