"""One scenario of a comparison: the rules of the gate, and the judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gameday.analysis.model.comparison_model import ScenarioJudgement
from gameday.analysis.trials.gate import permutation_test
from gameday.analysis.trials.gate.hypotheses import MAIN, SHARES, Hypothesis, Pair, Sides
from gameday.analysis.trials.gate.outage_phases import TIMES
from gameday.analysis.trials.statistics import median

LEAST_SHIFT = 0.05
"""Seconds: a smaller shift is none, whatever share of the median it is."""


@dataclass(frozen=True)
class Rules:
    """The rules of the gate: p below `alpha` over all `tests` together, and a shift that matters."""

    alpha: float
    threshold: float
    tests: int
    scenarios: int

    def matters(self, pair: Pair) -> bool:
        """Return True if a shift is over `threshold` of base's median, and no trifle."""
        enough = pair.relative is not None and pair.relative > self.threshold
        return enough and pair.shift.value > LEAST_SHIFT

    @property
    def level(self) -> float:
        """Return α for one scenario, at the strictest of Holm's steps."""
        return self.alpha / max(1, self.scenarios)

    @property
    def needed(self) -> int:
        """Return the fewest trials a side at which the main test of a scenario can reach its level."""
        n = 1
        while permutation_test.least_p(n, n) >= self.level * MAIN:
            n += 1
        return n


@dataclass(frozen=True)
class Case:
    """One scenario: its sides, its tests, and the adjusted p of each metric and share that was tested."""

    scenario: str
    sides: Sides
    tests: Sequence[Hypothesis]
    p_holm: Mapping[str, float]
    rules: Rules

    @property
    def pairs(self) -> Mapping[str, Pair]:
        return self.sides.pairs

    @cached_property
    def regressed(self) -> list[Pair]:
        """Return the metrics that became slower, TTR first, then by phase."""
        return [
            self.pairs[metric]
            for metric in TIMES
            if self.p_holm.get(metric, 1.0) < self.rules.alpha and self._matters(metric)
        ]

    def _matters(self, metric: str) -> bool:
        if metric == "ttd_s" and self.sides.replayed:
            before, after = (median(side).value or 0.0 for side in zip(*self.sides.replayed, strict=True))
            return after - before > max(LEAST_SHIFT, self.rules.threshold * before)
        return self.rules.matters(self.pairs[metric])

    @cached_property
    def worse_shares(self) -> list[str]:
        """Return which shares rose: never, effect."""
        return [name for name in SHARES if self.p_holm.get(name, 1.0) < self.rules.alpha]

    @property
    def failed(self) -> bool:
        return bool(self.regressed or self.worse_shares)

    @property
    def too_few(self) -> bool:
        """Return True if no test of this scenario could have shown a regression, and none did."""
        reach = any(
            test.least < self.rules.level * test.weight
            for test in self.tests
            if test.name in SHARES or not {"ttr_s", "operate_s"}.isdisjoint(test.parts)
        )
        return not (reach or self.failed or self._nothing_happened)

    @property
    def _nothing_happened(self) -> bool:
        """Return True if enough trials of both sides had no effect: there is nothing to time, and that is a result."""
        share = self.sides.shares["effect"]
        enough = min(share.base_n, share.new_n) >= self.rules.needed
        return enough and share.base == share.new == 0

    @property
    def judgement(self) -> ScenarioJudgement:
        if "never" in self.worse_shares:
            return "never-recovered"
        if self.failed:
            return "regression"
        return "too-few" if self.too_few else "no-regression"

    @property
    def p(self) -> float:
        """Return the least adjusted p of the scenario; 1 if nothing was tested."""
        return min(self.p_holm.values(), default=1.0)
