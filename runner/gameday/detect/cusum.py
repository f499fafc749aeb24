"""CUSUM over single requests: the default detector, and the optimal one for a known change (Moustakides 1986).

Each outcome adds its log-likelihood ratio, bad after the change against bad before it, and the sum never falls below
zero. A good outcome weighs −1 here and a bad one `weight` of those, a whole number, so the sum walks on a lattice: the
mean number of outcomes to an alarm is exact, and so is the limit that keeps false alarms as rare as asked for. Outcomes
are taken to be independent; if bad ones come in bursts, as slow ones do, use `latency`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from pydantic import Field

from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Ratio, Seconds

RISING = 1.5  # above it bad outcomes outweigh good ones


class Parameters(Part):
    """`factor`: the design change is an error ratio of `factor` × p0, at most `most`.

    If p0 is a fifth of the error budget, that is twice the budget. `quiet` is the mean time between
    false alarms, over all paging streams together.
    """

    factor: float = Field(default=10.0, gt=1)
    most: Ratio = Field(default=0.5, gt=0, lt=1)
    quiet: Seconds = Field(default=QUIET_S, gt=0)


def weight_of_bad(p0: float, p1: float) -> int:
    """Return how many good outcomes cancel a bad one in the likelihood ratio of p1 to p0; at least 1."""
    if not 0 < p0 < p1 < 1:
        raise ValueError(f"0 < p0 < p1 < 1 is asked for, not p0 = {p0:g}, p1 = {p1:g}")
    return max(1, round(math.log(p1 / p0) / -math.log((1 - p1) / (1 - p0))))


def average_run_length(weight: int, limit: int, p: float) -> float:
    """Return the mean number of outcomes, each bad with probability p, until the sum reaches `limit`; it starts at 0. Exact.

    Return infinity if it is beyond about 1e15.
    """
    # Each of the two methods loses precision or speed where the other one is best.
    rising = p * weight > RISING or p > 0.5
    return _length_upwards(weight, limit, p) if rising else _length_at_rest(weight, limit, p)


def _length_at_rest(weight: int, limit: int, p: float) -> float:
    """Return L(0), the mean number of outcomes to an alarm from sum 0.

    L(s) = 1 + (1−p)·L(max(s−1, 0)) + p·L(s+weight), and 0 from `limit` up. Solve from the top down:
    each L is a linear function of the topmost, which the equation at s = 0 then fixes.
    """
    q = 1 - p
    constant, slope = [0.0] * (limit + weight), [0.0] * (limit + weight)
    slope[limit - 1] = 1.0
    for s in range(limit - 1, 0, -1):
        constant[s - 1] = (constant[s] - 1 - p * constant[s + weight]) / q
        slope[s - 1] = (slope[s] - p * slope[s + weight]) / q
    rise = p * (slope[0] - slope[weight])
    if rise <= slope[0] * 1e-15:
        return math.inf
    return constant[0] + slope[0] * (1 - p * (constant[0] - constant[weight])) / rise


def _length_upwards(weight: int, limit: int, p: float) -> float:
    """Return the sum, over all numbers of outcomes, of the probability that there is no alarm yet."""
    quiet = np.zeros(limit)
    quiet[0] = 1.0
    length, left = 0.0, 1.0
    while left > 1e-12:
        length += left
        after = np.zeros(limit)
        after[:-1] = (1 - p) * quiet[1:]
        after[0] += (1 - p) * quiet[0]
        after[weight:] += p * quiet[: max(0, limit - weight)]
        quiet, left = after, float(after.sum())
    return length


@lru_cache(maxsize=256)
def limit_for(weight: int, p0: float, length: float) -> int:
    """Return the smallest limit at which the average run length under p0 is at least `length`."""
    high = weight
    while average_run_length(weight, high, p0) < length:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if average_run_length(weight, middle, p0) >= length else (middle, high)
    return high


class Cusum:
    """A `Detector`. `weight` of a bad outcome and `limit` of the sum, both in units of good outcomes."""

    def __init__(self, weight: int, limit: int) -> None:
        self.weight = weight
        self.limit = limit
        self._sum = 0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        self._sum = max(0, self._sum - 1) if good else self._sum + self.weight
        self._raised = self._sum >= self.limit
        return self._raised

    def reset(self) -> None:
        self._sum, self._raised = 0, False


def design(parameters: Parameters, normal: Normal) -> tuple[int, int]:
    """Return (weight, limit) for a stream."""
    p0 = normal.p0
    p1 = min(parameters.most, parameters.factor * p0)
    if p1 <= p0:
        p1 = (1 + p0) / 2
    weight = weight_of_bad(p0, p1)
    return weight, limit_for(weight, p0, parameters.quiet * normal.streams * normal.rate)


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Cusum:
    """Return the detector of one SLO's stream."""
    return Cusum(*design(parameters, normal))


KIND = DetectorKind(Parameters, make)
# Wrong answers are independent outcomes like any others, so `correctness` is cusum for those SLOs alone.
CORRECTNESS = DetectorKind(Parameters, make, sli="correctness")
