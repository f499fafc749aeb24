"""CUSUM for latency: slow answers come in bursts, so bins of a quarter second are folded and each counts only so much.

One stall of a few hundred milliseconds makes every answer of that moment slow, several in a row. They are not
independent evidence of a slow system, and fall into one bin or two. So a bin adds to the sum no more than `cap` bad
outcomes would, and the limit is out of reach for the few bins of a stall, yet not for a second of slowness. What
bursts the system has when it is well is read from its steady state: the maxima that the sum had in each second of it
are taken for draws of an extreme-value distribution (Gumbel's, by moments), and the limit is no lower than its level
for one false alarm in the budget's time. Weight, and the limit without bursts, are those of `cusum`.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from pydantic import Field

from gameday.detect import cusum
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.units import Seconds

LEAST_BLOCKS = 5
SCALE_DOUBT = 2.25
"""The 95 % bound of a scale from n draws is 1 + SCALE_DOUBT/(√n − 1) times its estimate, by simulation for n from 5 up."""


class Parameters(cusum.Parameters):
    """`cap`: the most bad outcomes that one `bin` counts for; `bins`: the fewest full bins that
    raise an alarm.

    `block`: the length of the blocks over which maxima of the steady state are taken.
    """

    bin: Seconds = Field(default=0.25, gt=0)
    cap: int = Field(default=2, gt=0)
    bins: float = Field(default=4.5, gt=0)
    block: Seconds = Field(default=1.0, gt=0)


class Latency:
    """A `Detector`. A bad outcome adds `weight` to a bin of `bin` seconds, `cap` at most, a good one subtracts `fall`."""

    def __init__(self, weight: int, limit: int, cap: int, bin: float, fall: int = 1) -> None:
        self.weight = weight
        self.limit = limit
        self.cap = cap
        self.bin = bin
        self.fall = fall
        self._sum = self._current = 0
        self._ends = 0.0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        """Add an outcome. The current bin counts before it is full, so an alarm doesn't wait for
        its end."""
        if self._raised:
            return False
        if t >= self._ends:
            self._sum, self._current = self.total(), 0
            self._ends = (t // self.bin + 1) * self.bin
        self._current += -self.fall if good else self.weight
        self._raised = self.total() >= self.limit
        return self._raised

    def total(self) -> int:
        """Return the sum, the current bin included."""
        return max(0, self._sum + min(self._current, self.cap))

    def reset(self) -> None:
        self._sum = self._current = 0
        self._ends, self._raised = 0.0, False


def block_maxima(fold: Latency, block: float, steady: Outcomes) -> list[int]:
    """Return the maximum of the sum in each block of time that had any outcome."""
    maxima: dict[int, int] = {}
    for t, good in steady:
        fold.observe(t, good)
        place = int(t // block)
        maxima[place] = max(maxima.get(place, 0), fold.total())
    return list(maxima.values())


def level(maxima: list[int], blocks: float) -> float:
    """Return the level that a block's maximum exceeds once in `blocks` blocks, or more rarely; 0 if there are too few.

    The level is of a Gumbel fit whose scale is the upper bound at 95 %: the scale of ten maxima alone would be too low
    in half of all steady states, and false alarms 75 times as frequent in a quarter of them.
    """
    if len(maxima) < LEAST_BLOCKS:
        return 0.0
    scale = float(np.std(maxima, ddof=1)) * math.sqrt(6) / math.pi
    scale *= 1 + SCALE_DOUBT / (math.sqrt(len(maxima)) - 1)
    return float(np.mean(maxima)) + scale * (math.log(blocks) - float(np.euler_gamma))


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Latency:
    """Return the detector of one SLO's stream."""
    chosen = cusum.design(parameters, normal)
    weight, fall, cap = chosen.weight, chosen.fall, parameters.cap * chosen.weight
    unlimited = Latency(weight, sys.maxsize, cap, parameters.bin, fall)
    maxima = block_maxima(unlimited, parameters.block, normal.steady)
    bursts = math.ceil(level(maxima, parameters.quiet * normal.streams / parameters.block))
    limit = max(chosen.limit, round(parameters.bins * cap), bursts)
    return Latency(weight, limit, cap, parameters.bin, fall)


KIND = DetectorKind(Parameters, make, sli="latency")
