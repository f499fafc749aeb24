"""Bank: CUSUMs for changes of several sizes, and a number of bad outcomes in a row. The default detector.

A CUSUM is optimal for the change that it is designed for, and up to 2.3 times slower for others. The members of the
bank share one budget of false alarms: the run of bad outcomes, the optimal rule if everything fails, takes its exact
share of it, and the CUSUMs share the rest equally. The alarm is the first member's, so the mean delay is within 15 % of
the optimum from 1 % of errors to 100 %; benchmarks/detectors.py computes and simulates it. Outcomes are taken to be
independent, so latency SLOs get `latency` in place of the bank.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress

from pydantic import Field, field_validator

from gameday.detect import latency_cusum
from gameday.detect.baseline_rate import QUIET_S, Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Ratio, Seconds
from gameday.slo.run_lengths import Design, design

SMALLEST = 0.01
"""The smallest change that the bank is designed for, unless p0 makes it too small or too large."""
MULTIPLES = 3.0, 10.0
"""The smallest change is so many times p0, at least and at most."""
LEAST_MULTIPLE = 1.5
"""A change that a scenario names is left out below so many times p0."""
SPACING = 4.5
"""Each change is at most so many times the next smaller one."""
LARGEST = {1: 0.195, 2: 0.195, 3: 0.195, 4: 0.3}
"""Bad outcomes in a row → the largest change that needs a CUSUM; a longer row helps only near 100 %."""
LARGEST_OF_LONG_ROWS = 0.5
ROW_SHARE = 0.75
"""The share of the budget that a row of bad outcomes may take at most."""


class Parameters(Part):
    """`changes`: the error ratios to design CUSUMs for; None derives them from p0, up from about 1 %.

    `quiet`: the mean time between false alarms, over all paging streams together.
    """

    changes: tuple[Ratio, ...] | None = Field(default=None, min_length=1, max_length=10)
    quiet: Seconds = Field(default=QUIET_S, gt=0)

    @field_validator("changes")
    @classmethod
    def _changes_lie_between(cls, changes: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if changes and not all(0 < change < 1 for change in changes):
            raise ValueError("a change must lie between 0% and 100%\nfor instance changes: [1%, 4%, 20%]")
        return changes


class Bank:
    """A `Detector`. `designs` of the CUSUMs; `row` bad outcomes without a good one between them raise as well.

    The sums are brought up to date only at a bad outcome: good ones are counted until then.
    """

    def __init__(self, designs: tuple[Design, ...], row: int) -> None:
        self.designs = designs
        self.row = row
        self._members = tuple((one.weight, one.fall, one.limit) for one in designs)
        self._sums = [0] * len(designs)
        self._good = self._in_a_row = 0
        self._raised = False

    def observe(self, t: float, good: bool) -> bool:
        if good:
            self._good += 1
            return False
        if self._raised:
            return False
        return self._bad()

    def _bad(self) -> bool:
        good, self._good = self._good, 0
        self._in_a_row = 1 if good else self._in_a_row + 1
        self._raised = self._in_a_row >= self.row
        for place, (weight, fall, limit) in enumerate(self._members):
            total = self._sums[place] = max(0, self._sums[place] - good * fall) + weight
            self._raised = self._raised or total >= limit
        return self._raised

    def reset(self) -> None:
        self._sums = [0] * len(self._members)
        self._good = self._in_a_row = 0
        self._raised = False


def row_for(p0: float, outcomes: float) -> tuple[int, float]:
    """Return (n, share): n bad outcomes in a row raise a false alarm in `share` of so many outcomes, at most ROW_SHARE."""
    row, quiet = 1, 1 / p0
    while outcomes / quiet > ROW_SHARE:
        row, quiet = row + 1, (quiet + 1) / p0
    return row, outcomes / quiet


def changes_for(p0: float, row: int) -> tuple[float, ...]:
    """Return the error ratios to design CUSUMs for, evenly spaced by their logarithms."""
    least, most = (multiple * p0 for multiple in MULTIPLES)
    smallest = min(max(least, min(most, SMALLEST)), (1 + p0) / 2)
    largest = max(smallest, LARGEST.get(row, LARGEST_OF_LONG_ROWS))
    steps = math.ceil(math.log(largest / smallest) / math.log(SPACING) - 1e-9)
    return tuple(smallest * (largest / smallest) ** (n / max(1, steps)) for n in range(steps + 1))


def make(parameters: Parameters, slo: Slo, normal: Normal) -> Bank:
    """Return the detector of one SLO's stream. A change that isn't above p0 has no CUSUM."""
    outcomes = parameters.quiet * normal.streams * normal.rate
    row, share = row_for(normal.p0, outcomes)
    changes = parameters.changes or changes_for(normal.p0, row)
    least = LEAST_MULTIPLE * normal.p0
    above = tuple(change for change in changes if change >= least) or changes_for(normal.p0, row)
    own = outcomes * len(above) / (1 - share)
    return Bank(tuple(_designs(normal.p0, above, own)), row)


def _designs(p0: float, changes: tuple[float, ...], outcomes: float) -> Iterator[Design]:
    """Yield a design for each change; none for one too close to p0 to be told from it."""
    for change in changes:
        with suppress(ValueError):
            yield design(p0, change, outcomes)


def make_for_latency(parameters: Parameters, slo: Slo, normal: Normal) -> latency_cusum.Latency:
    """Return the detector of a latency SLO's stream."""
    of_latency = latency_cusum.Parameters.model_validate({"quiet": f"{parameters.quiet:.12g}s"})
    return latency_cusum.make(of_latency, slo, normal)


KIND = DetectorKind(Parameters, make)
FOR_LATENCY = DetectorKind(Parameters, make_for_latency)
