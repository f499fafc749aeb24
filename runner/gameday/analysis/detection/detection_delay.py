"""Detection delay: the stream that detected the outage first, and the theoretical limit of its time to detect.

The normal error ratio is the one that the run itself calibrated (`stream.calibrated`); the ratio during the outage is
counted here. The limit assumes a step from one to the other, so it is too strict for a fault that builds up slowly and
for errors that come in bursts.
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
"""Mean seconds between false alarms that the limit allows, over all paging streams together."""


@dataclass(frozen=True)
class Normal:
    """An SLO's stream in steady state: `errors` of `n` were bad, `rate` in outcomes/s, p0 the bad ratio taken as normal.

    `streams`: how many streams share the budget of false alarms.
    """

    n: int
    errors: int
    rate: float
    p0: float
    streams: int


def detection(analysis: Analysis) -> Detection:
    """Return the delay of the stream whose page detected the outage or, if none did, of the SLO that broke first."""
    noticed = _noticed(analysis)
    if noticed is None:
        return Detection()
    course, outage = noticed
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
    """Return the last calibration of the stream of `slo` before `until`; None if the journal has none."""
    calibrations = [
        event for event in run.journal.of(StreamCalibrated) if event.slo == slo and event.t <= until
    ]
    if not calibrations or calibrations[-1].rate <= 0 or calibrations[-1].streams <= 0:
        return None
    last = calibrations[-1]
    return Normal(last.n, last.errors, last.rate, last.p0, last.streams)


def bad_ratio(run: Run, slo: str, outage: Outage) -> float | None:
    """Return p1: the bad share of the requests that the SLO counts from the outage's effect to its end, or the run's."""
    samples = run.samples
    part = during(samples.records, outage.effect, outage.recovered, run.end)
    names = samples.journeys, samples.steps, samples.regions, samples.releases
    counts, good = select(run.scenario.slo(slo), Samples(part, *names))
    n = int(counts.sum())
    return (n - int(good.sum())) / n if n else None


def times(ttd: float | None, limit_s: float | None) -> float | None:
    """Return TTD in multiples of the limit; None without a limit, or if it is 0: the first bad request is enough."""
    return None if ttd is None or not limit_s else ttd / limit_s


def _limit(p0: float, p1: float, known: Normal) -> float | None:
    seconds = limit(p0, p1, known.rate, QUIET_S, streams=known.streams)
    return seconds if math.isfinite(seconds) else None


def _ttd(analysis: Analysis) -> float | None:
    clocks = analysis.clocks
    return None if clocks.detect is None or clocks.effect is None else clocks.detect - clocks.effect


def _noticed(analysis: Analysis) -> tuple[Course, Outage] | None:
    """Return the SLO's course and outage that the first page was about; without a page, the first outage of all."""
    clocks = analysis.clocks
    if clocks.effect is None:
        return None
    if clocks.detect is not None:
        for alert in _pages_at(analysis.run, clocks.detect):
            outage = analysis.genuine(alert)
            if outage is not None:
                named = [course for course in analysis.courses if course.name == alert.slo]
                return next(
                    course for course in (*named, *analysis.courses) if outage in course.outages
                ), outage
    broken = [course for course in analysis.courses if course.outages]
    first = min(broken, key=lambda course: course.outages[0].effect)
    return first, first.outages[0]


def _pages_at(run: Run, t: float) -> Iterator[AlertRaised]:
    """Yield the page that detected, and others at its time: it came at `t`, or just before if `t` is the effect."""
    pages = [alert for alert in run.journal.of(AlertRaised) if alert.pages]
    at = [alert for alert in pages if alert.t == t]
    return iter(at or [alert for alert in pages if alert.t < t][-1:])
