"""EWMA control chart: the exponentially weighted mean of the bad outcomes in bins of a second.

z ← (1 − weight)·z + weight·bad at each bin's end, and an alarm if z reaches the limit. Bad outcomes
are assumed to be Poisson; the limit is then that of the Markov chain of z (after Brook and Evans
1972), z between its nodes interpolated.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pydantic import Field

from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Seconds

NODES = 100
DOUBLINGS = 40
HALVINGS = 12
RARE = 1e-14  # a count less likely than that is left out


class Parameters(Part):
    """`weight` of the newest `bin`; `quiet`: mean time between false alarms, over all paging streams together."""

    weight: float = Field(default=0.1, gt=0, le=1)
    bin: Seconds = Field(default=1.0, gt=0)
    quiet: Seconds = Field(default=QUIET_S, gt=0)


class Ewma:
    """A `Detector`. `mean`: bad outcomes of a bin in the normal state; `limit` in the same unit;
    `bin` in seconds."""

    def __init__(self, weight: float, limit: float, mean: float, bin: float) -> None:
        self.weight = weight
        self.limit = limit
        self.mean = mean
        self.bin = bin
        self._z = mean
        self._bad = 0
        self._place: int | None = None
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        """Add an outcome. The first outcome after a bin's end closes the bin."""
        if self._raised:
            return False
        place = math.floor(t / self.bin)
        if self._place is None:
            self._place = place
        elif place > self._place:
            self._raised = self._end(place - self._place)
            self._place = place
        self._bad += not good
        return self._raised

    def _end(self, bins: int) -> bool:
        """Close the current bin and the empty bins after it; return True if the limit was reached."""
        z = (1 - self.weight) * self._z + self.weight * self._bad
        self._z, self._bad = z * (1 - self.weight) ** (bins - 1), 0
        return z >= self.limit

    def reset(self) -> None:
        self._z, self._bad, self._place, self._raised = self.mean, 0, None, False


def average_run_length(weight: float, limit: float, mean: float) -> float:
    """Return the mean number of bins until z reaches `limit`, from z = mean < limit, with Poisson
    counts of that mean."""
    nodes = np.linspace(0, limit, NODES)
    counts, odds = _poisson(mean)
    after = (1 - weight) * nodes[:, None] + weight * counts
    place = after / limit * (NODES - 1)
    below = np.minimum(place.astype(int), NODES - 2)
    upper = place - below
    stays = np.where(after < limit, odds, 0.0)
    row = NODES * np.arange(NODES)[:, None]
    to = np.concatenate((row + below, row + below + 1), axis=None)
    odds_to = np.concatenate((stays * (1 - upper), stays * upper), axis=None)
    chain = np.bincount(to, odds_to, NODES * NODES).reshape(NODES, NODES)
    lengths = np.linalg.solve(np.eye(NODES) - chain, np.ones(NODES))
    length = float(np.interp(mean, nodes, lengths))
    return length if 0 < length < 1e14 else math.inf  # beyond, its digits are spent


def _poisson(mean: float) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.float64]]:
    """Return counts and the probability of each; counts rarer than RARE are left out."""
    counts = np.arange(math.ceil(mean + 12 * math.sqrt(mean) + 12))
    factorials = np.concatenate(([0.0], np.cumsum(np.log(counts[1:]))))
    odds = np.exp(counts * math.log(mean) - mean - factorials)
    likely = odds > RARE
    return counts[likely], odds[likely]


@lru_cache(maxsize=256)
def limit_for(weight: float, mean: float, length: float) -> float:
    """Return the limit at which `length` bins pass between false alarms in the mean, to a
    thousandth; from above."""
    low, high = mean, mean + weight
    for _ in range(DOUBLINGS):
        if average_run_length(weight, high, mean) >= length:
            break
        low, high = high, mean + 2 * (high - mean)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if average_run_length(weight, middle, mean) >= length else (middle, high)
    return high


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Ewma:
    """Return the detector of one SLO's stream."""
    mean = max(normal.p0 * normal.rate * parameters.bin, 1e-9)
    limit = limit_for(parameters.weight, mean, parameters.quiet * normal.streams / parameters.bin)
    return Ewma(parameters.weight, limit, mean, parameters.bin)


KIND = DetectorKind(Parameters, make)
