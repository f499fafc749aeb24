"""Two sets of runs held against each other, base and new: is the new one worse, by more than noise?

A scenario is a regression only where the exact rank test says so, p < α after Holm over all tests, and the shift is
over the threshold as well; or at once, where a trial never recovered and none of base did. Too few trials ever to say
so is no pass. Reading the runs is left to `sides`, the statistics to `statistics` and `power`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS, worst
from gameday.analysis.trials.outcome_files import load_side
from gameday.analysis.trials.power import detectable, spread
from gameday.analysis.trials.statistics import (
    Shift,
    hodges_lehmann,
    holm,
    mann_whitney,
    median,
    reachable,
    trials_needed,
)
from gameday.analysis.trials.trial_summary import Outcome, interval_keys, number, value_of

__all__ = ["compare", "load_side"]

SCHEMA = "gameday/compare/v1"
POWER = 0.8
METRICS = ("ttr_s", "ttd_s")
LASTING = ("ttr_s",)  # how long an outage lasted: 0 s where the fault had no effect

Side = Mapping[str, Sequence[Outcome]]
Judgement = Literal["regression", "no-regression", "too-few", "never-recovered"]
STATUS: Mapping[Judgement, int] = {
    "never-recovered": FAIL,
    "regression": FAIL,
    "too-few": INCONCLUSIVE,
    "no-regression": PASS,
}


@dataclass(frozen=True)
class Pair:
    """One metric of one scenario, the values of both sides; infinite where a trial never came so far."""

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
        """The shift as a share of base's median; None where that is infinite."""
        middle = median(self.base).value
        if middle is None or math.isinf(middle):
            return None
        if middle == 0:
            return math.copysign(math.inf, self.shift.value) if self.shift.value else 0.0
        return self.shift.value / middle

    @property
    def never_recovered(self) -> int:
        """Trials of new that never recovered by themselves, where every one of base did."""
        return self.new.count(math.inf) if self.base and math.inf not in self.base else 0


@dataclass(frozen=True)
class Rules:
    """What it takes to fail: p below `alpha` for all `tests` together, and a relative shift over `threshold`."""

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
    """One scenario: its metrics by name, and the adjusted p of those that are gated and have values on both sides."""

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
    def judgement(self) -> Judgement:
        if self.pairs["ttr_s"].never_recovered:
            return "never-recovered"
        if self.regressed:
            return "regression"
        return "too-few" if self.too_few else "no-regression"


def compare(
    base: Side, new: Side, *, alpha: float = 0.01, threshold: float = 0.15, gate_ttd: bool = False
) -> dict[str, Any]:
    """ "gameday/compare/v1". `alpha` is for the whole, `threshold` a share of base's median.

    A scenario that new lacks can't be judged, which makes the whole inconclusive; one that base lacks is only told.
    Raises ValueError unless 0 < alpha < 1 and threshold ≥ 0.
    """
    if not (0 < alpha < 1 and threshold >= 0):
        raise ValueError(f"no comparison at α = {alpha:g} with a threshold of {threshold:g}")
    gated = METRICS if gate_ttd else ("ttr_s",)
    pairs = {name: _pairs(base[name], new[name]) for name in sorted(base.keys() & new.keys())}
    cases = _cases(pairs, alpha, threshold, gated)
    missing = {"base": sorted(new.keys() - base.keys()), "new": sorted(base.keys() - new.keys())}
    found = [*_found(cases), *_found_missing(missing, bool(cases))]
    status = worst([status for status, _ in found])
    return {
        "schema": SCHEMA,
        "verdict": NAMES[status],
        "exit_status": status,
        "reasons": [reason for _, reason in sorted(found, key=lambda each: each[0] != status)],
        "alpha": alpha,
        "threshold": threshold,
        "power": POWER,
        "gated": list(gated),
        "tests": cases[0].rules.tests if cases else 0,
        "trials_needed": cases[0].rules.needed if cases else trials_needed(alpha),
        "missing": missing,
        "scenarios": [_scenario(case, base[case.scenario], new[case.scenario]) for case in cases],
    }


def _pairs(base: Sequence[Outcome], new: Sequence[Outcome]) -> dict[str, Pair]:
    return {metric: Pair(metric, _values(base, metric), _values(new, metric)) for metric in METRICS}


def _values(outcomes: Sequence[Outcome], metric: str) -> tuple[float, ...]:
    """A trial that measured nothing has none; one whose fault had no effect had an outage of 0 s, which no TTD has."""
    found = []
    for value in (value_of(each, metric) for each in outcomes):
        absent = 0.0 if value.state == "no_effect" and metric in LASTING else None
        found.append(value.counted if value.counted is not None else absent)
    return tuple(each for each in found if each is not None)


def _cases(
    pairs: Mapping[str, Mapping[str, Pair]], alpha: float, threshold: float, gated: tuple[str, ...]
) -> list[Case]:
    """Adjusts the p of all gated tests together: α is for the whole."""
    tests = [(name, metric) for name, own in pairs.items() for metric in gated if own[metric].comparable]
    adjusted = dict(zip(tests, holm([pairs[name][metric].p for name, metric in tests]), strict=True))
    rules = Rules(alpha, threshold, gated, len(tests))
    return [
        Case(name, own, {metric: p for (scenario, metric), p in adjusted.items() if scenario == name}, rules)
        for name, own in pairs.items()
    ]


def _found(cases: Iterable[Case]) -> Iterable[tuple[int, str]]:
    """(exit status, reason) of every scenario that isn't without one."""
    for case in cases:
        pair, status = case.pairs["ttr_s"], STATUS[case.judgement]
        if pair.never_recovered:
            yield (
                status,
                (
                    f"{case.scenario}: {pair.never_recovered} of {len(pair.new)} trials of new never recovered; "
                    f"all {len(pair.base)} of base did"
                ),
            )
        for each in case.regressed:
            yield status, f"{case.scenario}: {_rise(each, case)}"
        for each in case.too_few:
            yield INCONCLUSIVE, f"{case.scenario}: {_scarcity(each, case.rules)}"


def _found_missing(missing: Mapping[str, Sequence[str]], any_shared: bool) -> Iterable[tuple[int, str]]:
    for name in missing["new"]:
        yield INCONCLUSIVE, f"{name}: new has no run of it, so it can't be judged"
    for name in missing["base"]:
        yield PASS, f"{name}: base has no run of it, so there is nothing to compare with"
    if not any_shared:
        yield INCONCLUSIVE, "base and new have no scenario in common"


def _rise(pair: Pair, case: Case) -> str:
    before, after = (_seconds(median(values).value) for values in (pair.base, pair.new))
    relative = pair.relative or 0.0
    share = f", {relative:+.0%}" if math.isfinite(relative) else ""
    return (
        f"{_label(pair.metric)} rose from {before} to {after} in the median: a shift of "
        f"{_seconds(pair.shift.value)}{share}, p = {case.p_holm[pair.metric]:.2g} after Holm over "
        f"{_counted(case.rules.tests, 'test')}"
    )


def _scarcity(pair: Pair, rules: Rules) -> str:
    return (
        f"{len(pair.base)} against {len(pair.new)} values of {_label(pair.metric)} can never show a regression at "
        f"α = {rules.alpha:g} over {_counted(max(1, rules.tests), 'test')}; it takes {rules.needed} a side"
    )


def _scenario(case: Case, base: Sequence[Outcome], new: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "scenario": case.scenario,
        "verdict": case.judgement,
        "base": {"n": len(base), "runs": [each["run"]["id"] for each in base]},
        "new": {"n": len(new), "runs": [each["run"]["id"] for each in new]},
        "metrics": {name: _metric(pair, case) for name, pair in case.pairs.items()},
    }


def _metric(pair: Pair, case: Case) -> dict[str, Any]:
    """`detectable`: the smallest relative increase that would have been found in 80 % of such comparisons."""
    rules, cv = case.rules, spread(pair.base, pair.new)
    least = None
    if cv is not None and pair.comparable:
        level = rules.alpha / max(1, rules.tests)
        least = detectable(
            len(pair.base), len(pair.new), round(cv, 2), level, power=POWER, threshold=rules.threshold
        )
    return {
        "gated": pair.metric in rules.gated,
        "base": _side(pair.base),
        "new": _side(pair.new),
        "shift": _shift(pair) if pair.comparable else None,
        "p": _short(pair.p) if pair.comparable else None,
        "p_holm": _short(case.p_holm[pair.metric]) if pair.metric in case.p_holm else None,
        "cv": number(cv),
        "detectable": number(least),
    }


def _side(values: Sequence[float]) -> dict[str, Any]:
    found = median(values)
    return {
        "n": found.n,
        "censored": list(values).count(math.inf),
        "median": number(found.value),
        **interval_keys(found.interval),
        "values": [number(each) for each in values],
    }


def _shift(pair: Pair) -> dict[str, Any]:
    return {
        "value": number(pair.shift.value),
        "relative": number(pair.relative),
        **interval_keys(pair.shift.interval),
    }


def _label(metric: str) -> str:
    return metric.removesuffix("_s").upper()


def _seconds(value: float | None) -> str:
    return "∞" if value is None or math.isinf(value) else f"{value:.1f} s"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _short(p: float) -> float:
    return float(f"{p:.6g}")
