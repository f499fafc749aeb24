"""Arrival-rate detector: alarm if outcomes stop or become too rare. A fast failure counts as an
arrival.

CUSUM of a Poisson process whose rate falls to `share` of the normal rate (the likelihood ratio of
the gaps): silence adds its own length to the sum, an outcome takes a fixed time off it, never below
zero. The loss of a region that answers nothing is so detected before its first time-out. A second
sum is designed for outcomes that stop altogether, since the first one waits twice as long for them
as the gaps of the traffic demand; both share the budget of false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Ratio, Seconds

STOPPED = 0.01
"""The share of the normal rate that the second sum is designed for: outcomes stop."""


class Parameters(Part):
    """`share`: the share of the normal rate for which detection is fastest; `least`: the shortest
    silence that raises.

    `least` is longer than a stall that ends by itself. The normal rate is assumed `margin` lower
    than measured, since the measurement is short. `quiet`: the least mean time between false
    alarms, over all paging streams together.
    """

    share: Ratio = Field(default=0.5, gt=0, lt=1)
    least: Seconds = 0.5
    margin: Ratio = Field(default=0.1, ge=0, lt=1)
    quiet: Seconds = Field(default=QUIET_S, gt=0)


class Sum(NamedTuple):
    """One sum of silence: seconds that an outcome takes off it, and seconds at which it raises."""

    fall: float
    limit: float


class Silence:
    """A `Detector` that can raise without an outcome, by whichever of its sums passes its limit first."""

    def __init__(self, *sums: Sum) -> None:
        self.sums: Sequence[Sum] = sums
        self._seconds = [0.0] * len(sums)
        self._last: float | None = None
        self._raised = False

    @property
    def limit(self) -> float:
        """Return the seconds of total silence that raise at the latest."""
        return min(one.limit for one in self.sums)

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        last = t if self._last is None else self._last
        self._last = max(t, last)
        self._raised = self._over(self._last - last)
        self._seconds = [
            max(0.0, seconds + self._last - last - one.fall)
            for one, seconds in zip(self.sums, self._seconds, strict=True)
        ]
        return self._raised

    def wait(self, now: float) -> bool:
        """Return True if the silence up to `now` raises the alarm. Silence begins with the first call after a reset."""
        if self._last is None:
            self._last = now
        if self._raised:
            return False
        self._raised = self._over(now - self._last)
        return self._raised

    def _over(self, more: float) -> bool:
        """Return True if a sum reaches its limit with so many seconds of silence more."""
        return any(seconds + more >= one.limit for one, seconds in zip(self.sums, self._seconds, strict=True))

    def reset(self) -> None:
        self._seconds, self._last, self._raised = [0.0] * len(self.sums), None, False


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Silence:
    """Return the detector of one SLO's stream.

    CUSUM on a likelihood ratio with the threshold ln n has at least n outcomes between false alarms, in the mean
    (Lorden 1971). Each of two sums has half of the budget.
    """
    rate = normal.rate * (1 - parameters.margin)
    shares = sorted({parameters.share, min(parameters.share, STOPPED)})
    outcomes = max(math.e, len(shares) * parameters.quiet * normal.streams * rate)
    return Silence(*(_sum(share, rate, outcomes, parameters.least) for share in shares))


def _sum(share: float, rate: float, outcomes: float, least: float) -> Sum:
    second = rate * (1 - share)  # what a second of silence adds to the log-likelihood ratio
    return Sum(-math.log(share) / second, max(least, math.log(outcomes) / second))


# The other SLIs don't count every answer: if all requests are refused, a latency has no outcomes.
KIND = DetectorKind(Parameters, make, sli="availability")
