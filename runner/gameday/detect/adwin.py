"""ADWIN (Bifet and Gavaldà 2007), by the package river: compares two parts of an adaptive window.

ADWIN needs neither p0 nor a change to look for. Only a change for the worse raises an alarm. The
window is primed with the outcomes of the steady state, also after each reset; otherwise an outage
from the first outcome on would look normal.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gameday.detect import river_package
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part


class Parameters(Part):
    """`delta`: the confidence; `clock`: outcomes between two checks. The defaults are river's."""

    delta: float = Field(default=0.002, gt=0, lt=1)
    clock: int = Field(default=32, gt=0)


class Adwin:
    """A `Detector` that wraps river's ADWIN."""

    def __init__(self, delta: float, clock: int, steady: Outcomes) -> None:
        """Raise PortError if river isn't installed."""
        self.delta = delta
        self.clock = clock
        self._steady = steady
        self._drift = river_package.load()
        self._raised = False
        self._window = self._begin()

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        before = self._window.estimation
        self._window.update(0.0 if good else 1.0)
        self._raised = bool(self._window.drift_detected) and self._window.estimation > before
        return self._raised

    def reset(self) -> None:
        self._raised = False
        self._window = self._begin()

    def _begin(self) -> Any:
        window = self._drift.ADWIN(delta=self.delta, clock=self.clock)
        for _, good in self._steady:
            window.update(0.0 if good else 1.0)
        return window


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Adwin:
    """Return the detector of one SLO's stream. Raise PortError if river isn't installed."""
    return Adwin(parameters.delta, parameters.clock, normal.steady)


KIND = DetectorKind(Parameters, make, river=True)
