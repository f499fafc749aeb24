"""The detector `acme-streak`: so many bad outcomes in a row."""

from __future__ import annotations

from pydantic import Field

from gameday.detect import DetectorKind, Normal
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part


class Parameters(Part):
    """A scenario's `params`. `length`: bad outcomes in a row that raise the alarm."""

    length: int = Field(default=5, ge=1)


class Streak:
    """A `gameday.ports.Detector`: a fold over single outcomes in arrival order."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._run = 0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        self._run = 0 if good else self._run + 1
        self._raised = self._run >= self.length
        return self._raised

    def reset(self) -> None:
        self._run, self._raised = 0, False


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Streak:
    return Streak(parameters.length)


KIND = DetectorKind(Parameters, make)
