"""One scenario of a comparison: its metrics on both sides, the rules of the gate, and the judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gameday.analysis.model.comparison_model import ScenarioJudgement
from gameday.analysis.trials.statistics import (
    Shift,
    hodges_lehmann,
    mann_whitney,
    median,
    reachable,
    trials_needed,
)


@dataclass(frozen=True)
class Pair:
    """The values of one metric of one scenario on both sides; infinite if a trial never came so far."""

    metric: str
    base: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def comparable(self) -> bool:
        return bool(self.base and self.new)

    @cached_property
    def p(self) -> float:
        return mann_whitney(self.base, self.new)

    @cached_property
    def shift(self) -> Shift:
        return hodges_lehmann(self.base, self.new)

    @property
    def relative(self) -> float | None:
        """Return the shift as a share of base's median; None if the median is infinite."""
        middle = median(self.base).value
        if middle is None or math.isinf(middle):
            return None
        if middle == 0:
            return math.copysign(math.inf, self.shift.value) if self.shift.value else 0.0
        return self.shift.value / middle

    @property
    def never_recovered(self) -> int:
        """Return the number of trials of new that never recovered by themselves; 0 if base has such
        a trial too."""
        return self.new.count(math.inf) if self.base and math.inf not in self.base else 0


@dataclass(frozen=True)
class Rules:
    """The rules of the gate: p below `alpha` over all `tests` together, and a relative shift over `threshold`."""

    alpha: float
    threshold: float
    gated: tuple[str, ...]
    tests: int

    def regressed(self, pair: Pair, p_holm: float) -> bool:
        return p_holm < self.alpha and pair.relative is not None and pair.relative > self.threshold

    def judgeable(self, pair: Pair) -> bool:
        return reachable(len(pair.base), len(pair.new), self.alpha, self.tests)

    @property
    def needed(self) -> int:
        return trials_needed(self.alpha, max(1, self.tests))


@dataclass(frozen=True)
class Case:
    """One scenario: its metrics by name, and the adjusted p of the gated ones that have values on both sides."""

    scenario: str
    pairs: Mapping[str, Pair]
    p_holm: Mapping[str, float]
    rules: Rules

    @cached_property
    def regressed(self) -> list[Pair]:
        return [
            self.pairs[name] for name, p in self.p_holm.items() if self.rules.regressed(self.pairs[name], p)
        ]

    @cached_property
    def too_few(self) -> list[Pair]:
        gated = [self.pairs[name] for name in self.rules.gated]
        return [pair for pair in gated if not self.rules.judgeable(pair) and pair not in self.regressed]

    @property
    def judgement(self) -> ScenarioJudgement:
        if self.pairs["ttr_s"].never_recovered:
            return "never-recovered"
        if self.regressed:
            return "regression"
        return "too-few" if self.too_few else "no-regression"
