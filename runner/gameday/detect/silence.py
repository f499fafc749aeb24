"""Arrival-rate detector: alarm if outcomes stop or become too rare. A fast failure counts as an
arrival.

CUSUM of a Poisson process whose rate falls to `share` of the normal rate (the likelihood ratio of
the gaps): silence adds its own length to the sum, an outcome takes a fixed time off it, never below
zero. The loss of a region that answers nothing is so detected before its first time-out.
"""

from __future__ import annotations

import math

from pydantic import Field

from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Ratio, Seconds


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


class Silence:
    """A `Detector` that can raise without an outcome. `fall`: seconds that an outcome takes off;
    `limit` in seconds."""

    def __init__(self, fall: float, limit: float) -> None:
        self.fall = fall
        self.limit = limit
        self._sum = 0.0
        self._last: float | None = None
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        last = t if self._last is None else self._last
        self._last = max(t, last)
        total = self._sum + self._last - last
        self._raised = total >= self.limit
        self._sum = max(0.0, total - self.fall)
        return self._raised

    def wait(self, now: float) -> bool:
        """Return True if the silence up to `now` raises the alarm. Silence begins with the first call after a reset."""
        if self._last is None:
            self._last = now
        if self._raised:
            return False
        self._raised = self._sum + now - self._last >= self.limit
        return self._raised

    def reset(self) -> None:
        self._sum, self._last, self._raised = 0.0, None, False


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Silence:
    """Return the detector of one SLO's stream.

    CUSUM on a likelihood ratio with the threshold ln n has at least n outcomes between false alarms, in the mean
    (Lorden 1971).
    """
    rate, share = normal.rate * (1 - parameters.margin), parameters.share
    outcomes = max(math.e, parameters.quiet * normal.streams * rate)
    second = rate * (1 - share)  # what a second of silence adds to the log-likelihood ratio
    return Silence(-math.log(share) / second, max(parameters.least, math.log(outcomes) / second))


# The other SLIs don't count every answer: if all requests are refused, a latency has no outcomes.
KIND = DetectorKind(Parameters, make, sli="availability")
