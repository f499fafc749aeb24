"""Requests that hang: alarm if answers stay away, without waiting for the clients' time-out.

A request that has no answer `after` seconds after its planned time is late. Late and timely requests are folded by the
members of `bank`, so that requests which are late by chance raise nothing, and a frozen service does even if it is one of
several. The alarm also needs a late request that still waits after `least`: a stall that ends by itself, with all of its
answers, is none. What is late in the normal state is learnt from the steady state: if answers are slow then, `after` is
longer.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from gameday.detect import bank
from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Seconds

SLOW = 2.0  # `after` is at least so many times the latency of nearly all requests of the steady state
NEARLY_ALL = 0.99


class Parameters(Part):
    """`after`: how long a request may take in the normal state; `least`: how long one must have waited at the alarm.

    `quiet`: the mean time between false alarms, over all paging streams together.
    """

    after: Seconds = Field(default=0.3, ge=0.3)
    least: Seconds = Field(default=0.45, gt=0)
    quiet: Seconds = Field(default=QUIET_S, gt=0)


class Hang:
    """A `Detector` of waiting requests; `observe` does nothing, since it knows no planned times."""

    def __init__(self, parameters: Parameters, slo: Slo, normal: Normal) -> None:
        self._parameters = parameters
        self._slo = slo
        self._normal = normal
        self._waiting: dict[float, bool] = {}  # planned → whether it was counted as late
        self._suspected = self._raised = False
        self._design(parameters.after, normal.p0)

    def learn(self, latencies: Sequence[float]) -> None:
        """Take the seconds that the requests of the steady state took for normal."""
        if not latencies:
            return
        slow = SLOW * float(np.quantile(latencies, NEARLY_ALL))
        after = max(self._parameters.after, slow)
        late = sum(latency >= after for latency in latencies)
        self._design(after, max(self._normal.p0, (late + 0.5) / (len(latencies) + 1)))

    def _design(self, after: float, p0: float) -> None:
        self.after = after
        self.least = max(self._parameters.least, after + self._parameters.least - self._parameters.after)
        normal = Normal(p0, self._normal.rate, self._normal.streams)
        parameters = bank.Parameters.model_validate({"quiet": f"{self._parameters.quiet:.12g}s"})
        self._bank = bank.make(parameters, self._slo, normal)

    def observe(self, t: float, good: bool) -> bool:
        return False

    def overdue(self, planned: float) -> None:
        """Take note of a request, planned then, that still waits for its answer."""
        self._waiting.setdefault(planned, False)

    def answered(self, planned: float, end: float) -> None:
        """Take the end of a request; every request that was late before then counts first."""
        self._suspected |= _count_late(self._bank, self._waiting, end - self.after)
        counted = self._waiting.pop(planned, None)
        if not counted:
            self._suspected |= self._bank.observe(end, end - planned < self.after)
        if counted is not None and not self._waiting:
            self._bank.reset()
            self._suspected = False

    def wait(self, now: float) -> bool:
        """Return True if the requests that wait now raise the alarm."""
        if self._raised or not self._waiting or now - min(self._waiting) < self.least:
            return False
        self._raised = self._suspected or _count_late(
            copy.deepcopy(self._bank), dict(self._waiting), now - self.after
        )
        return self._raised

    def waiting(self) -> tuple[int, float | None]:
        """Return how many late requests wait, and the planned time of the oldest."""
        return len(self._waiting), min(self._waiting, default=None)

    def reset(self) -> None:
        self._waiting.clear()
        self._suspected = self._raised = False
        self._bank.reset()


def _count_late(fold: bank.Bank, waiting: dict[float, bool], planned_until: float) -> bool:
    """Count the waiting requests planned up to then as late; return True if that raises."""
    raised = False
    for planned in sorted(one for one, counted in waiting.items() if not counted and one <= planned_until):
        waiting[planned] = True
        raised |= fold.observe(planned_until, False)
    return raised


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Hang | None:
    """Return the detector of one SLO's stream; None for correctness, which counts only answered requests."""
    return None if slo.sli == "correctness" else Hang(parameters, slo, normal)


KIND = DetectorKind(Parameters, make)
