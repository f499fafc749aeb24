"""The Page–Hinkley test, by the package river: CUSUM against the mean that it has itself seen, not a given p0.

Unless set, drift and threshold are those at which it is the `cusum` of this stream, its weights scaled to 0 and 1; the
mean seen comes on top of the drift, so false alarms are no more frequent than there. It begins with the outcomes of the
steady state, without which it had no mean to compare with, and again so after each reset.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gameday.detect import cusum, river_package
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo


class Parameters(cusum.Parameters):
    """`delta`, `threshold`, `alpha` (forgetting; 1 = none) and `least` outcomes before it may raise, as river has them.

    Those of `cusum` hold for what isn't set.
    """

    delta: float | None = Field(default=None, gt=0)
    threshold: float | None = Field(default=None, gt=0)
    alpha: float = Field(default=1.0, gt=0, le=1)
    least: int = Field(default=30, gt=0)


class PageHinkley:
    """A `Detector` around river's."""

    def __init__(self, delta: float, threshold: float, alpha: float, least: int, steady: Outcomes) -> None:
        """Raise PortError if river isn't installed."""
        self.delta = delta
        self.threshold = threshold
        self.alpha = alpha
        self.least = least
        self._steady = steady
        self._drift = river_package.load()
        self._raised = False
        self._test = self._begin()

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        self._test.update(0.0 if good else 1.0)
        self._raised = bool(self._test.drift_detected)
        return self._raised

    def reset(self) -> None:
        self._raised = False
        self._test = self._begin()

    def _begin(self) -> Any:
        test = self._drift.PageHinkley(self.least, self.delta, self.threshold, self.alpha, "up")
        for _, good in self._steady:
            test.update(0.0 if good else 1.0)
        return test


def make(parameters: Parameters, slo: Slo, normal: Normal) -> PageHinkley:
    """Return the detector of one SLO's stream. Raise PortError if river isn't installed."""
    weight, limit = cusum.design(parameters, normal)
    delta = parameters.delta or 1 / (weight + 1)
    threshold = parameters.threshold or limit / (weight + 1)
    return PageHinkley(delta, threshold, parameters.alpha, parameters.least, normal.steady)


KIND = DetectorKind(Parameters, make, river=True)
