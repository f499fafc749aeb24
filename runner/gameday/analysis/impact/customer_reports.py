"""Customer reports: a model of how many hurt users would complain, as on public outage trackers, and when.

A pure function of samples and seed. The constants are a model, not a measurement; docs/audit.md says what they rest
on. Time on such a tracker runs in minutes to hours, in a run in seconds to minutes; the delay is compressed likewise.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.alert_judgement import detectors
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.impact.bad_requests import GOOD, kinds
from gameday.analysis.impact.impact import during, judged_since
from gameday.analysis.model.event_models import Side
from gameday.analysis.model.harm_models import CustomerReports, ReportCurve

PROBABILITY = 0.05
"""Probability that a user reports a journey that failed, was answered wrongly or was too slow, drawn independently for each journey."""
MEDIAN_S, SPREAD = 4.0, 0.8
"""Delay from the failure to the report: lognormal; its median and the standard deviation of its logarithm."""
ALARM, WITHIN_S = 5, 60.0
"""ALARM reports within WITHIN_S seconds are an alarm."""

Bits = npt.NDArray[np.uint64]
Times = npt.NDArray[np.float64]


def customer_reports(analysis: Analysis) -> CustomerReports:
    """Return the outcome's `customer_reports`, in seconds since the effect; all None if nothing was judged."""
    since = judged_since(analysis)
    if since is None:
        return CustomerReports()
    times = reports(analysis.run, since)
    counts = np.bincount((times - since).astype(np.int64)).tolist() if len(times) else []
    alarm = alarm_at(times)
    fastest = _fastest(analysis)

    def ahead(side: Side) -> float | None:
        return alarm - since - fastest[side] if alarm is not None and side in fastest else None

    return CustomerReports(
        peak=max(counts, default=0),
        total=len(times),
        first_s=float(times[0]) - since if len(times) else None,
        alarm_s=None if alarm is None else alarm - since,
        ahead_client_s=ahead("client"),
        ahead_service_s=ahead("service"),
        curve=ReportCurve(since=since, counts=tuple(counts)),
    )


def reports(run: Run, since: float) -> Times:
    """Return the times of the reports up to the end of the run, ascending, for requests planned from `since` on."""
    part = during(run.samples.records, since, None, run.end)
    part = part[kinds(run.scenario.slos, run.samples, part) != GOOD]
    user, planned, end = part["user"].astype(np.uint64), part["planned"], part["end"]
    first = _journeys(user, part["journey"], planned, end, run.scenario.load.think_time)
    seed = np.uint64((run.started.seed or 0 if run.started else 0) % (1 << 64))
    drawn = _mixed(
        _mixed(_mixed(np.full(int(first.sum()), seed, np.uint64)) ^ user[first]) ^ _bits(planned[first])
    )
    reported = _uniform(drawn) < PROBABILITY
    delay = [_delay(u) for u in _uniform(_mixed(drawn[reported])).tolist()]
    times = np.sort(end[first][reported] + np.array(delay, np.float64))
    return times[times <= run.end]


def alarm_at(times: Times) -> float | None:
    """Return the time of the report that completes an alarm; None if none does."""
    if len(times) < ALARM:
        return None
    near = np.flatnonzero(times[ALARM - 1 :] - times[: len(times) - ALARM + 1] <= WITHIN_S)
    return float(times[near[0] + ALARM - 1]) if len(near) else None


def _journeys(
    user: Bits, journey: npt.NDArray[np.uint8], planned: Times, end: Times, think_time: float
) -> npt.NDArray[np.bool_]:
    """Return which failures are the first of their journey.

    The next step of a journey is planned at the end of the previous one plus the think time.
    """
    first = np.ones(len(user), np.bool_)
    order = np.lexsort((planned, journey, user))
    one, two = order[:-1], order[1:]
    same = (user[one] == user[two]) & (journey[one] == journey[two])
    first[two[same & (np.abs(planned[two] - end[one] - think_time) < 1e-6)]] = False
    return first


def _bits(values: Times) -> Bits:
    return np.ascontiguousarray(values, np.float64).view(np.uint64)


def _mixed(x: Bits) -> Bits:
    """Apply one step of SplitMix64 (Steele, Lea, Flood 2014), which mixes every input bit into every output bit."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _uniform(x: Bits) -> Times:
    """Map 64 random bits to a number u with 0 < u < 1."""
    u: Times = ((x >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)
    return u


def _delay(u: float) -> float:
    """Return the delay in seconds at quantile `u`. Scalar `math.exp`: numpy's differs between machines."""
    return MEDIAN_S * math.exp(SPREAD * NormalDist().inv_cdf(u))


def _fastest(analysis: Analysis) -> dict[Side, float]:
    """Return the seconds from the effect to the first alert of any detector, by side, if there was one."""
    fastest: dict[Side, float] = {}
    for result in detectors(analysis, None).values():
        if result.ttd_s is not None:
            fastest[result.side] = min(result.ttd_s, fastest.get(result.side, math.inf))
    return fastest
