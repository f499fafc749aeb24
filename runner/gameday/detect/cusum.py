"""CUSUM over single requests: the optimal detector for a known change (Moustakides 1986).

Each outcome adds its log-likelihood ratio, bad after the change against bad before it, and the sum never falls below
zero. Both weights are whole numbers, so the sum walks on a lattice: the mean number of outcomes to an alarm is exact,
and so is the limit that keeps false alarms as rare as asked for. Outcomes are taken to be independent; if bad ones come
in bursts, as slow ones do, use `latency`. If the size of the change isn't known, `bank` has several of these.
"""

from __future__ import annotations

from pydantic import Field

from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Ratio, Seconds
from gameday.slo.run_lengths import Design, threshold_for, weight_of_bad
from gameday.slo.run_lengths import design as design_for

LARGEST = 10_000  # a larger weight takes seconds to design for
LEAST_CHANGE = 1.1  # a change that is smaller takes too long to find


class Parameters(Part):
    """`factor`: the design change is an error ratio of `factor` × p0, at most `most`.

    If p0 is a fifth of the error budget, that is twice the budget. `quiet` is the mean time between
    false alarms, over all paging streams together.
    """

    factor: float = Field(default=10.0, gt=1)
    most: Ratio = Field(default=0.5, gt=0, lt=1)
    quiet: Seconds = Field(default=QUIET_S, gt=0)


class Cusum:
    """A `Detector`. A bad outcome adds `weight` to the sum, a good one subtracts `fall`; it raises at `limit`."""

    def __init__(self, weight: int, limit: int, fall: int = 1) -> None:
        self.weight = weight
        self.limit = limit
        self.fall = fall
        self._sum = 0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        self._sum = max(0, self._sum - self.fall) if good else self._sum + self.weight
        self._raised = self._sum >= self.limit
        return self._raised

    def reset(self) -> None:
        self._sum, self._raised = 0, False


def design(parameters: Parameters, normal: Normal) -> Design:
    """Return the weights and the limit for a stream.

    A good outcome weighs 1 if such a sum drifts down in the normal state, as it does if bad outcomes are rare.
    """
    p0 = normal.p0
    p1 = min(parameters.most, parameters.factor * p0)
    if p1 < p0 * LEAST_CHANGE:
        p1 = (1 + p0) / 2
    length = parameters.quiet * normal.streams * normal.rate
    weight = max(1, round(weight_of_bad(p0, p1)))
    if weight * p0 < 1 - p0 and weight <= LARGEST:
        return Design(weight, 1, threshold_for(weight, 1, p0, length))
    return design_for(p0, p1, length)


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Cusum:
    """Return the detector of one SLO's stream."""
    chosen = design(parameters, normal)
    return Cusum(chosen.weight, chosen.limit, chosen.fall)


KIND = DetectorKind(Parameters, make)
# Wrong answers are independent outcomes like any others, so `correctness` is cusum for those SLOs alone.
CORRECTNESS = DetectorKind(Parameters, make, sli="correctness")
