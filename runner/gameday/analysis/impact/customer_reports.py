"""What customers would have reported: users who meet failures complain, as on public outage trackers, and when enough
of them have, everybody knows. A pure function of samples and seed.

The constants are a model and no measurement; docs/audit.md says what they rest on. Time on such a tracker runs in
minutes to hours, a run's in seconds to minutes, and the delay is as compressed as the run.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.alert_judgement import detectors
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.impact.impact import during, judged_since

PROBABILITY = 0.05
"""That a user who met a failure says so, anew for each journey that failed."""
MEDIAN_S, SPREAD = 4.0, 0.8
"""Of the delay from the failure to the report: lognormal, its median and the deviation of its logarithm."""
ALARM, WITHIN_S = 5, 60.0
"""So many reports within so many seconds are an alarm."""

KEYS = ("peak", "total", "first_s", "alarm_s", "ahead_client_s", "ahead_service_s")
SIDES = ("client", "service")
Bits = npt.NDArray[np.uint64]
Times = npt.NDArray[np.float64]


def customer_reports(analysis: Analysis) -> dict[str, Any]:
    """The outcome's `customer_reports`; all null where nothing was judged. Seconds since the effect.

    `ahead_…_s`: how much sooner than the customers' alarm the fastest detector of that side was; below 0 it was later.
    `curve`: {since, counts}, the reports of each second from there on.
    """
    since = judged_since(analysis)
    if since is None:
        return {**dict.fromkeys(KEYS), "curve": None}
    times = reports(analysis.run, since)
    counts = np.bincount((times - since).astype(np.int64)).tolist() if len(times) else []
    alarm = alarm_at(times)
    fastest = _fastest(analysis)
    ahead = {
        f"ahead_{side}_s": alarm - since - fastest[side] if alarm is not None and side in fastest else None
        for side in SIDES
    }
    return {
        "peak": max(counts, default=0),
        "total": len(times),
        "first_s": float(times[0]) - since if len(times) else None,
        "alarm_s": None if alarm is None else alarm - since,
        **ahead,
        "curve": {"since": since, "counts": counts},
    }


def reports(run: Run, since: float) -> Times:
    """When each report came, rising, till the end of the run: those of failures of requests planned from `since` on."""
    part = during(run.samples.records, since, None, run.end)
    part = part[part["error"] != 0]
    user, planned, end = part["user"].astype(np.uint64), part["planned"], part["end"]
    first = _journeys(user, part["journey"], planned, end, run.scenario.load.think_time)
    seed = np.uint64(int(str(run.started.get("seed") or 0)) % (1 << 64))
    drawn = _mixed(
        _mixed(_mixed(np.full(int(first.sum()), seed, np.uint64)) ^ user[first]) ^ _bits(planned[first])
    )
    says = _uniform(drawn) < PROBABILITY
    delay = [_delay(each) for each in _uniform(_mixed(drawn[says])).tolist()]
    times = np.sort(end[first][says] + np.array(delay, np.float64))
    return times[times <= run.end]


def alarm_at(times: Times) -> float | None:
    """The time of the report that completes an alarm; None where none does."""
    if len(times) < ALARM:
        return None
    near = np.flatnonzero(times[ALARM - 1 :] - times[: len(times) - ALARM + 1] <= WITHIN_S)
    return float(times[near[0] + ALARM - 1]) if len(near) else None


def _journeys(
    user: Bits, journey: npt.NDArray[np.uint8], planned: Times, end: Times, think_time: float
) -> npt.NDArray[np.bool_]:
    """Which failures are the first of their journey: its next step is planned at the end of the one before, and the
    time to think."""
    first = np.ones(len(user), np.bool_)
    order = np.lexsort((planned, journey, user))
    one, two = order[:-1], order[1:]
    same = (user[one] == user[two]) & (journey[one] == journey[two])
    first[two[same & (np.abs(planned[two] - end[one] - think_time) < 1e-6)]] = False
    return first


def _bits(values: Times) -> Bits:
    return np.ascontiguousarray(values, np.float64).view(np.uint64)


def _mixed(x: Bits) -> Bits:
    """A step of SplitMix64: every bit of the input changes each bit of the output with an even chance."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _uniform(x: Bits) -> Times:
    """0 < u < 1."""
    found: Times = ((x >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)
    return found


def _delay(u: float) -> float:
    """One at a time, for numpy's exponential differs from one machine to the next."""
    return MEDIAN_S * math.exp(SPREAD * NormalDist().inv_cdf(u))


def _fastest(analysis: Analysis) -> dict[str, float]:
    """Seconds from the effect to the first alert of any detector, by side; those that saw nothing are left out."""
    found: dict[str, float] = {}
    for each in detectors(analysis, None).values():
        if each["ttd_s"] is not None:
            found[each["side"]] = min(each["ttd_s"], found.get(each["side"], math.inf))
    return found
