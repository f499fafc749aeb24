"""CUSUM for latency: slow answers come in bursts, so bins of a quarter second are folded and each counts only so much.

One stall of a few hundred milliseconds makes every answer of that moment slow, several in a row. They are not
independent evidence of a slow system, and fall into one bin or two. So a bin adds to the sum no more than `cap` bad
outcomes would, and the limit is out of reach for the few bins of a stall, yet not for a second of slowness. Within
those bounds weight and limit are those of `cusum`.
"""

from __future__ import annotations

from pydantic import Field

from runner.detect import cusum
from runner.scenario import Slo


class Parameters(cusum.Parameters):
    """`bin` in seconds; `cap`: bad outcomes that a bin counts for at most; `bins`: full bins that it takes to raise."""

    bin: float = Field(default=0.25, gt=0)
    cap: int = Field(default=2, gt=0)
    bins: float = Field(default=4.5, gt=0)


class Latency:
    """A `Detector`. `weight`, `limit` and `cap` in good outcomes, `bin` in seconds."""

    def __init__(self, weight: int, limit: int, cap: int, bin: float) -> None:
        self.weight = weight
        self.limit = limit
        self.cap = cap
        self.bin = bin
        self._sum = self._current = 0
        self._ends = 0.0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        """The current bin counts as far as it has come, so an alarm doesn't wait for its end."""
        if self._raised:
            return False
        if t >= self._ends:
            self._sum, self._current = self._total(), 0
            self._ends = (t // self.bin + 1) * self.bin
        self._current += -1 if good else self.weight
        self._raised = self._total() >= self.limit
        return self._raised

    def _total(self) -> int:
        return max(0, self._sum + min(self._current, self.cap))

    def reset(self) -> None:
        self._sum = self._current = 0
        self._ends, self._raised = 0.0, False


def make(parameters: Parameters, slo: Slo, p0: float, rate: float) -> Latency:
    """The detector of one SLO's stream."""
    weight, limit = cusum.design(parameters, p0, rate)
    cap = parameters.cap * weight
    return Latency(weight, max(limit, round(parameters.bins * cap)), cap, parameters.bin)
