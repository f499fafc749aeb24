"""Comparison of two sets of runs, base and new: is the new one worse, by more than noise?

A scenario is a regression if the exact rank test says so, p < α after Holm over all tests, and the shift is over the
threshold as well; or at once if a trial of new never recovered while every trial of base did. Too few trials ever to
say so is no pass. `outcome_files` reads the runs; the statistics are in `statistics` and `power`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from gameday.analysis.model.comparison_model import (
    Comparison,
    MetricComparison,
    MissingScenarios,
    ScenarioComparison,
    ScenarioJudgement,
    ShiftSummary,
    SideRuns,
    SideSummary,
)
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS, worst
from gameday.analysis.trials.compared_scenario import Case, Pair, Rules
from gameday.analysis.trials.outcome_files import load_side
from gameday.analysis.trials.power import detectable, spread
from gameday.analysis.trials.statistics import holm, median, trials_needed
from gameday.analysis.trials.trial_summary import coverage_of, ends_of, value_of

__all__ = ["compare", "load_side"]

POWER = 0.8
METRICS = ("ttr_s", "ttd_s")
LASTING = ("ttr_s",)
"""Metrics of how long an outage lasted: 0 s if the fault had no effect."""

Side = Mapping[str, Sequence[Outcome]]
"""Scenario → its outcomes."""
STATUS: Mapping[ScenarioJudgement, int] = {
    "never-recovered": FAIL,
    "regression": FAIL,
    "too-few": INCONCLUSIVE,
    "no-regression": PASS,
}


def compare(
    base: Side, new: Side, *, alpha: float = 0.01, threshold: float = 0.15, gate_ttd: bool = False
) -> Comparison:
    """Compare two sets of runs. `alpha` is for all tests together, `threshold` is a share of base's median.

    A scenario that new lacks can't be judged, which makes the whole inconclusive; one that base lacks is only named.
    Raise ValueError unless 0 < alpha < 1 and threshold ≥ 0.
    """
    if not (0 < alpha < 1 and threshold >= 0):
        raise ValueError(f"no comparison at α = {alpha:g} with a threshold of {threshold:g}")
    gated = METRICS if gate_ttd else ("ttr_s",)
    pairs = {name: _pairs(base[name], new[name]) for name in sorted(base.keys() & new.keys())}
    cases = _cases(pairs, alpha, threshold, gated)
    missing = MissingScenarios(
        base=tuple(sorted(new.keys() - base.keys())), new=tuple(sorted(base.keys() - new.keys()))
    )
    reasons = [*_reasons(cases), *_missing_reasons(missing, bool(cases))]
    status = worst([status for status, _ in reasons])
    return Comparison(
        verdict=NAMES[status],
        exit_status=status,
        reasons=tuple(text for _, text in sorted(reasons, key=lambda reason: reason[0] != status)),
        alpha=alpha,
        threshold=threshold,
        power=POWER,
        gated=gated,
        tests=cases[0].rules.tests if cases else 0,
        trials_needed=cases[0].rules.needed if cases else trials_needed(alpha),
        missing=missing,
        scenarios=tuple(_scenario(case, base[case.scenario], new[case.scenario]) for case in cases),
    )


def _pairs(base: Sequence[Outcome], new: Sequence[Outcome]) -> dict[str, Pair]:
    return {metric: Pair(metric, _values(base, metric), _values(new, metric)) for metric in METRICS}


def _values(outcomes: Sequence[Outcome], metric: str) -> tuple[float, ...]:
    """Return the values to count. A fault without an effect made an outage of 0 s, but has no time to detect."""
    values = []
    for value in (value_of(outcome, metric) for outcome in outcomes):
        absent = 0.0 if value.state == "no_effect" and metric in LASTING else None
        values.append(value.counted if value.counted is not None else absent)
    return tuple(value for value in values if value is not None)


def _cases(
    pairs: Mapping[str, Mapping[str, Pair]], alpha: float, threshold: float, gated: tuple[str, ...]
) -> list[Case]:
    """Adjust the p of all gated tests together (Holm): α is for the whole comparison."""
    tests = [(name, metric) for name, own in pairs.items() for metric in gated if own[metric].comparable]
    adjusted = dict(zip(tests, holm([pairs[name][metric].p for name, metric in tests]), strict=True))
    rules = Rules(alpha, threshold, gated, len(tests))
    return [
        Case(name, own, {metric: p for (scenario, metric), p in adjusted.items() if scenario == name}, rules)
        for name, own in pairs.items()
    ]


def _reasons(cases: Iterable[Case]) -> Iterable[tuple[int, str]]:
    """Yield (exit status, reason) for every scenario that regressed or can't be judged."""
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
        for regressed in case.regressed:
            yield status, f"{case.scenario}: {_rise(regressed, case)}"
        for scarce in case.too_few:
            yield INCONCLUSIVE, f"{case.scenario}: {_scarcity(scarce, case.rules)}"


def _missing_reasons(missing: MissingScenarios, any_shared: bool) -> Iterable[tuple[int, str]]:
    for name in missing.new:
        yield INCONCLUSIVE, f"{name}: new has no run of it, so it can't be judged"
    for name in missing.base:
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


def _scenario(case: Case, base: Sequence[Outcome], new: Sequence[Outcome]) -> ScenarioComparison:
    return ScenarioComparison(
        scenario=case.scenario,
        verdict=case.judgement,
        base=SideRuns(n=len(base), runs=tuple(outcome.run.id for outcome in base)),
        new=SideRuns(n=len(new), runs=tuple(outcome.run.id for outcome in new)),
        metrics={name: _metric(pair, case) for name, pair in case.pairs.items()},
    )


def _metric(pair: Pair, case: Case) -> MetricComparison:
    rules, cv = case.rules, spread(pair.base, pair.new)
    least = None
    if cv is not None and pair.comparable:
        level = rules.alpha / max(1, rules.tests)
        least = detectable(
            len(pair.base), len(pair.new), round(cv, 2), level, power=POWER, threshold=rules.threshold
        )
    return MetricComparison(
        gated=pair.metric in rules.gated,
        base=_side(pair.base),
        new=_side(pair.new),
        shift=_shift(pair) if pair.comparable else None,
        p=_short(pair.p) if pair.comparable else None,
        p_holm=_short(case.p_holm[pair.metric]) if pair.metric in case.p_holm else None,
        cv=cv,
        detectable=least,
    )


def _side(values: Sequence[float]) -> SideSummary:
    middle = median(values)
    return SideSummary(
        n=middle.n,
        censored=list(values).count(math.inf),
        median=middle.value,
        interval=ends_of(middle.interval),
        coverage=coverage_of(middle.interval),
        values=tuple(values),
    )


def _shift(pair: Pair) -> ShiftSummary:
    return ShiftSummary(
        value=pair.shift.value,
        relative=pair.relative,
        interval=ends_of(pair.shift.interval),
        coverage=coverage_of(pair.shift.interval),
    )


def _label(metric: str) -> str:
    return metric.removesuffix("_s").upper()


def _seconds(value: float | None) -> str:
    return "∞" if value is None or math.isinf(value) else f"{value:.1f} s"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _short(p: float) -> float:
    return float(f"{p:.6g}")
