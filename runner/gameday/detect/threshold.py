"""Plain threshold, as most teams have it: enough bad outcomes in the last seconds, and too large a
share of them."""

from __future__ import annotations

from collections import deque

from pydantic import Field

from gameday.detect.baseline_rate import Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Seconds


class Parameters(Part):
    """`least`: bad outcomes in the `window`; `budgets`: their share, as a multiple of the error budget."""

    window: Seconds = Field(default=10.0, gt=0)
    least: int = Field(default=10, gt=0)
    budgets: float = Field(default=5.0, gt=0)


class Threshold:
    """A `Detector`. Raises if the last `window` seconds have at least `least` bad outcomes, above a
    share of `ratio`."""

    def __init__(self, window: float, least: int, ratio: float) -> None:
        self.window = window
        self.least = least
        self.ratio = ratio
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        self._outcomes.append((t, good))
        self._bad += not good
        while self._outcomes[0][0] <= t - self.window:
            self._bad -= not self._outcomes.popleft()[1]
        self._raised = self._bad >= self.least and self._bad > self.ratio * len(self._outcomes)
        return self._raised

    def reset(self) -> None:
        self._outcomes.clear()
        self._bad, self._raised = 0, False


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Threshold:
    """Return the detector of one SLO's stream; it ignores the normal state."""
    ratio = min(parameters.budgets * (1 - slo.objective), 0.99)
    return Threshold(parameters.window, parameters.least, ratio)


KIND = DetectorKind(Parameters, make)
