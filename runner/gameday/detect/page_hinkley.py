"""Page–Hinkley test, by the package river: CUSUM against the running mean, not against a given p0.

The default drift and threshold make it equal to the `cusum` of the same stream with weights scaled
to 0 and 1. The running mean adds to the drift, so false alarms are no more frequent than those of
`cusum`. The test is primed with the outcomes of the steady state, also after each reset; otherwise
it would have no mean to compare with.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gameday.detect import cusum, river_package
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo


class Parameters(cusum.Parameters):
    """`delta`, `threshold`, `alpha` (forgetting; 1 = none) and `least` outcomes before an alarm, as
    in river.

    A value that isn't set is derived from the design of `cusum`.
    """

    delta: float | None = Field(default=None, gt=0)
    threshold: float | None = Field(default=None, gt=0)
    alpha: float = Field(default=1.0, gt=0, le=1)
    least: int = Field(default=30, gt=0)


class PageHinkley:
    """A `Detector` that wraps river's PageHinkley."""

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
    chosen = cusum.design(parameters, normal)
    both = chosen.weight + chosen.fall
    delta = parameters.delta or chosen.fall / both
    threshold = parameters.threshold or chosen.limit / both
    return PageHinkley(delta, threshold, parameters.alpha, parameters.least, normal.steady)


KIND = DetectorKind(Parameters, make, river=True)
