"""Run lengths: the mean number of outcomes to an alarm of a CUSUM on a lattice, exact and without cancellation.

A bad outcome adds `rise` to the sum, a good one subtracts `fall`, and the sum never falls below 0. Each outcome is bad
with probability p, and the alarm is at the threshold or above. The chain is solved level by level, as states are
reduced by Grassmann, Taksar and Heyman (1985): every step adds, multiplies or divides positive numbers, and none
subtracts. So the result is exact to the last digits however rare the alarm, and every threshold up to the last one
comes of the same pass.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt

FINE = 20
"""The weights of a bad outcome and of a good one are at least so large together, so that rounding hardly matters."""
COARSEST = 1000
"""The largest weight of a bad outcome; above it, several outcomes make one step of the chain."""
LEVELS = 100_000
"""The largest threshold that a design may have; a change that needs more is too small to be told from normal."""

Floats = npt.NDArray[np.float64]


def run_lengths(rise: int, fall: int, p: float) -> Iterator[float]:
    """Yield the mean outcomes to the alarm, from a sum of 0, for the thresholds 1, 2, 3, … without end.

    `landing[j]` is the probability that a sum that first reaches the level h is h + j then. A sum of exactly h has to
    climb on: with `climb[j]` and `took` from h to h + 1 + j and beyond.
    """
    if rise < 1 or fall < 1 or not 0 < p <= 1:
        raise ValueError(f"no run length for rise {rise}, fall {fall}, p = {p:g}")
    if rise == 1:
        yield from _run_lengths_of_one(fall, p)
    q = 1 - p
    climb = np.zeros(rise)
    climb[-1] = 1.0  # from 0 only a bad outcome leads up
    took = length = 1 / p
    landing = climb.copy()
    below = deque([(climb, took)], maxlen=fall)  # the climbs of the levels below, the next lower one last
    yield length
    while True:
        back, spent = _climbed(below)
        up = p + q * float(back[1:].sum())  # the probability of leaving the level upwards
        climb = np.append(q * back[1:], 0.0)
        climb[-1] = p
        climb /= up
        took = (1 + q * spent) / up
        below.append((climb, took))
        length += float(landing[0]) * took
        landing = np.append(landing[1:], 0.0) + landing[0] * climb
        yield length


def _climbed(below: deque[tuple[Floats, float]]) -> tuple[Floats, float]:
    """Return where a sum that fell by as many levels as there are in `below` is when it is back, and how long it took."""
    landing, spent = below[0]
    for climb, took in list(below)[1:]:
        at = float(landing[0])
        spent += at * took
        landing = np.append(landing[1:], 0.0) + at * climb
    return landing, spent


def _run_lengths_of_one(fall: int, p: float) -> Iterator[float]:
    """Yield the same for a bad outcome that adds 1.

    From a sum of s the mean is L(s) = 1 + p·L(s+1) + (1−p)·L(max(s−fall, 0)), so that L(0) − L(s), which is the answer
    for the threshold s, grows by (1 + (1−p)·(its growth over the last `fall` sums))/p.
    """
    lengths = [0.0]
    while True:
        back = lengths[max(0, len(lengths) - 1 - fall)]
        lengths.append(lengths[-1] + (1 + (1 - p) * (lengths[-1] - back)) / p)
        yield lengths[-1]


def average_run_length(rise: int, fall: int, threshold: int, p: float) -> float:
    """Return the mean number of outcomes until the sum, which starts at 0, reaches `threshold`."""
    return next(islice(run_lengths(rise, fall, p), threshold - 1, None))


@dataclass(frozen=True)
class Design:
    """A CUSUM: what a bad outcome adds, what a good one subtracts, and the sum that raises the alarm.

    If bad outcomes are rare, the numbers are of a chain in which `step` outcomes are one, which is bad if any is.
    """

    rise: int
    fall: int
    threshold: int
    step: int = 1

    @property
    def weight(self) -> int:
        """What a bad outcome adds to the sum of single outcomes, of which a good one subtracts `fall`."""
        return self.rise * self.step

    @property
    def limit(self) -> int:
        """The sum of single outcomes that raises the alarm."""
        return self.threshold * self.step

    def mean_delay(self, p: float) -> float:
        """Return the mean number of outcomes, each bad with probability p, from a sum of 0 to the alarm."""
        if self.step == 1:
            return average_run_length(self.rise, self.fall, self.threshold, p)
        of_step = any_of(self.step, p)
        steps = average_run_length(self.rise, self.fall, self.threshold, of_step)
        return self.step * (steps - 1 / of_step) + 1 / p


def any_of(outcomes: int, p: float) -> float:
    """Return the probability that any of so many outcomes is bad."""
    return -math.expm1(outcomes * math.log1p(-p)) if p < 1 else 1.0


@lru_cache(maxsize=512)
def design(p0: float, p1: float, length: float) -> Design:
    """Return the CUSUM for a change from p0 to p1 with `length` outcomes or more between false alarms, in the mean.

    Raise ValueError unless 0 < p0 < p1 < 1, or if the change is too small to be told from normal.
    """
    rise, fall = lattice(p0, p1)
    step = math.ceil(rise / COARSEST) if fall == 1 else 1
    if step > 1:
        of_step = any_of(step, p0)
        rise, fall = lattice(of_step, any_of(step, p1))
        return Design(rise, fall, threshold_for(rise, fall, of_step, length / step), step)
    return Design(rise, fall, threshold_for(rise, fall, p0, length))


@lru_cache(maxsize=512)
def threshold_for(rise: int, fall: int, p0: float, length: float) -> int:
    """Return the smallest threshold at which the average run length under p0 is at least `length`.

    Raise ValueError if the sum doesn't drift down at p0, or if the threshold would be over `LEVELS`.
    """
    if rise * p0 < fall * (1 - p0):
        for level, mean in enumerate(islice(run_lengths(rise, fall, p0), LEVELS), 1):
            if mean >= length:
                return level
    raise ValueError(f"no threshold for rise {rise} and fall {fall} at p0 = {p0:g}: bad outcomes aren't rare")


def weight_of_bad(p0: float, p1: float) -> float:
    """Return how many good outcomes cancel a bad one in the likelihood ratio of p1 to p0.

    Raise ValueError unless 0 < p0 < p1 < 1.
    """
    if not 0 < p0 < p1 < 1:
        raise ValueError(f"0 < p0 < p1 < 1 is asked for, not p0 = {p0:g}, p1 = {p1:g}")
    return math.log(p1 / p0) / (math.log1p(-p0) - math.log1p(-p1))


def lattice(p0: float, p1: float) -> tuple[int, int]:
    """Return (rise, fall) of the likelihood ratio of p1 to p0, rounded so that the sum drifts down at p0.

    Raise ValueError unless 0 < p0 < p1 < 1, or if p0 and p1 are too close.
    """
    ratio = weight_of_bad(p0, p1)
    fall = max(1, math.ceil(FINE / (1 + ratio)))
    rise = max(1, round(ratio * fall))
    if rise == 1:
        fall = math.ceil(1 / ratio)
    while rise * p0 >= fall * (1 - p0):
        if fall > COARSEST:
            raise ValueError(f"p0 = {p0:g} and p1 = {p1:g} are too close to tell them apart")
        fall *= 2
        rise = max(1, math.floor(ratio * fall))
    return rise, fall
