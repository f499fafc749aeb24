"""Comparison of two sets of runs, base and new: is the new one worse, by more than noise, and in which phase?

A scenario is a regression if a test says so, p < α over all tests, and the shift matters: it is over the threshold and
over 50 ms. Times are tested phase by phase (`gate.permutation_test`) and as a whole (`statistics.mann_whitney`); the
shares of trials that never recovered, or had an effect, by Fisher's exact test. Too few trials ever to say so is no pass.
`outcome_files` reads the runs, `gate.hypotheses` has the tests, `gate.regression_text` the sentences.
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
    ShareComparison,
    ShiftSummary,
    SideRuns,
    SideSummary,
)
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS, worst
from gameday.analysis.trials.gate.compared_scenario import Case, Rules
from gameday.analysis.trials.gate.hypotheses import (
    SHARES,
    Hypothesis,
    Pair,
    Replayed,
    Share,
    Sides,
    adjusted,
    hypotheses_of,
)
from gameday.analysis.trials.gate.machine_speed import slowdown
from gameday.analysis.trials.gate.outage_phases import TIMES, TrialTimes, trial_times, words_of
from gameday.analysis.trials.gate.regression_text import open_runs, reasons, summary
from gameday.analysis.trials.outcome_files import load_side
from gameday.analysis.trials.power import detectable, spread
from gameday.analysis.trials.statistics import median, weighted_holm
from gameday.analysis.trials.trial_summary import coverage_of, ends_of

__all__ = ["compare", "compare_times", "load_side"]

POWER = 0.8
SAME = (1.0, 1.0)

Side = Mapping[str, Sequence[Outcome]]
"""Scenario → its outcomes."""
Times = Mapping[str, Sequence[TrialTimes]]
STATUS: Mapping[ScenarioJudgement, int] = {
    "never-recovered": FAIL,
    "regression": FAIL,
    "another-machine": INCONCLUSIVE,
    "too-few": INCONCLUSIVE,
    "no-regression": PASS,
}


def compare(
    base: Side,
    new: Side,
    *,
    alpha: float = 0.01,
    threshold: float = 0.15,
    replayed: Mapping[str, Replayed] | None = None,
    interleaved: bool = False,
) -> Comparison:
    """Compare two sets of runs. `alpha` is for all tests together, `threshold` is a share of base's median.

    `replayed`: times to detect of both sides' detectors on the same streams, by scenario; they replace those of the runs.
    `interleaved`: both sides ran in turn on one machine, so that its speed is the same for both. Raise ValueError unless
    0 < alpha < 1 and threshold ≥ 0.
    """
    times = [
        {name: [trial_times(outcome) for outcome in runs] for name, runs in side.items()}
        for side in (base, new)
    ]
    machine = None if interleaved else slowdown(times[0], times[1])
    return compare_times(
        times[0], times[1], alpha=alpha, threshold=threshold, replayed=replayed, machine=machine or SAME
    )


def compare_times(
    base: Times,
    new: Times,
    *,
    alpha: float = 0.01,
    threshold: float = 0.15,
    replayed: Mapping[str, Replayed] | None = None,
    machine: tuple[float, float] = SAME,
) -> Comparison:
    """Compare the times of two sets of trials, as `compare` does.

    `machine`: by how much new's machine is slower than base's, from … to. What holds for none of these factors or for all
    of them is judged; what depends on the factor isn't. A scenario that new lacks can't be judged, which makes the whole
    inconclusive; one that base lacks is only named.
    """
    if not (0 < alpha < 1 and threshold >= 0):
        raise ValueError(f"no comparison at α = {alpha:g} with a threshold of {threshold:g}")
    shared = sorted(base.keys() & new.keys())
    sides = {name: Sides(base[name], new[name], (replayed or {}).get(name, ())) for name in shared}
    cases = _cases(sides, alpha, threshold)
    judged = _on_any_machine(sides, cases, machine, alpha, threshold)
    missing = MissingScenarios(
        base=tuple(sorted(new.keys() - base.keys())), new=tuple(sorted(base.keys() - new.keys()))
    )
    all_reasons = [*_reasons(cases, judged, machine), *_missing_reasons(missing, bool(cases))]
    status = worst([status for status, _ in all_reasons])
    rules = cases[0].rules if cases else Rules(alpha, threshold, 0, 0)
    return Comparison(
        verdict=NAMES[status],
        exit_status=status,
        reasons=tuple(text for _, text in sorted(all_reasons, key=lambda reason: reason[0] != status)),
        alpha=alpha,
        threshold=threshold,
        power=POWER,
        gated=TIMES,
        tests=rules.tests,
        trials_needed=rules.needed,
        missing=missing,
        scenarios=tuple(_scenario(case, judged[case.scenario]) for case in cases),
    )


def _cases(sides: Mapping[str, Sides], alpha: float, threshold: float) -> list[Case]:
    """Adjust the p of all tests together (Holm, with weights): α is for the whole comparison."""
    level = alpha / max(1, len(sides))
    tests = [(name, test) for name, own in sides.items() for test in hypotheses_of(own, level)]
    factors = weighted_holm([test.p for _, test in tests], [test.weight for _, test in tests])
    rules = Rules(alpha, threshold, sum(len(test.parts) or 1 for _, test in tests), len(sides))
    p_holm: dict[str, dict[str, float]] = {name: {} for name in sides}
    for name, part, p in adjusted(tests, factors):
        p_holm[name][part] = p
    return [
        Case(name, own, [test for of, test in tests if of == name], p_holm[name], rules)
        for name, own in sides.items()
    ]


def _on_any_machine(
    sides: Mapping[str, Sides],
    cases: Sequence[Case],
    machine: tuple[float, float],
    alpha: float,
    threshold: float,
) -> dict[str, ScenarioJudgement]:
    """Return the judgement of each scenario: `another-machine` if it depends on how much slower the machine is."""
    if machine == SAME:
        return {case.scenario: case.judgement for case in cases}
    ends = [
        {
            case.scenario: case
            for case in _cases(
                {name: Sides(own.base, own.new, own.replayed, factor) for name, own in sides.items()},
                alpha,
                threshold,
            )
        }
        for factor in (min(1.0, machine[0]), max(1.0, machine[1]))
    ]
    judged: dict[str, ScenarioJudgement] = {}
    for case in cases:
        fails = {end[case.scenario].failed for end in ends}
        judged[case.scenario] = case.judgement if len(fails) == 1 else "another-machine"
    return judged


def _reasons(
    cases: Iterable[Case], judged: Mapping[str, ScenarioJudgement], machine: tuple[float, float]
) -> Iterable[tuple[int, str]]:
    """Yield (exit status, reason) for every scenario that regressed or can't be judged."""
    for case in cases:
        judgement = judged[case.scenario]
        if judgement == "another-machine":
            change = summary(case) or "no phase is slower beyond chance"
            yield (
                STATUS[judgement],
                f"{case.scenario}: not judged: {change}, but the two sides ran at different machine speeds ({_speeds(machine)}), "
                "and that difference alone decides whether this is a regression",
            )
            continue
        for text in reasons(case):
            yield STATUS[judgement], text


def _speeds(machine: tuple[float, float]) -> str:
    """Return the bounds of new's machine time over base's as words: `new's 12 % slower`, `between 3 % faster and 12 % slower`."""
    low, high = (
        f"{abs(factor - 1):.0%} {'slower' if factor >= 1 else 'faster'}".replace("%", " %")
        for factor in machine
    )
    return f"new's {low}" if low == high else f"new's between {low} and {high}"


def _missing_reasons(missing: MissingScenarios, any_shared: bool) -> Iterable[tuple[int, str]]:
    for name in missing.new:
        yield INCONCLUSIVE, f"{name}: new has no run of it, so it can't be judged"
    for name in missing.base:
        yield PASS, f"{name}: base has no run of it, so there is nothing to compare with"
    if not any_shared:
        yield INCONCLUSIVE, "base and new have no scenario in common"


def _scenario(case: Case, judgement: ScenarioJudgement) -> ScenarioComparison:
    base, new = case.sides.base, case.sides.new
    return ScenarioComparison(
        scenario=case.scenario,
        verdict=judgement,
        summary=summary(case),
        open=open_runs(case),
        p_holm=_short(case.p),
        paired=any(test.name == "paired" for test in case.tests),
        replayed=len(case.sides.replayed),
        words=words_of([*new, *base]),
        base=SideRuns(n=len(base), runs=tuple(trial.run for trial in base)),
        new=SideRuns(n=len(new), runs=tuple(trial.run for trial in new)),
        metrics={metric: _metric(case.pairs[metric], case) for metric in TIMES},
        shares={name: _share(case.sides.shares[name], case.p_holm.get(name)) for name in SHARES},
    )


def _metric(pair: Pair, case: Case) -> MetricComparison:
    cv = spread(pair.base, pair.new)
    tested = pair.metric in case.p_holm
    least = None
    if cv is not None and pair.comparable and tested:
        level = _level(pair.metric, case)
        least = detectable(
            len(pair.base), len(pair.new), round(cv, 2), level, power=POWER, threshold=case.rules.threshold
        )
    return MetricComparison(
        gated=tested,
        base=_side(pair.base),
        new=_side(pair.new),
        shift=_shift(pair) if pair.comparable else None,
        p=_short(pair.p) if pair.comparable else None,
        p_holm=_short(case.p_holm[pair.metric]) if tested else None,
        cv=cv,
        detectable=least,
    )


def _level(metric: str, case: Case) -> float:
    """Return the level of a metric at the strictest of Holm's steps, were it tested alone."""
    test: Hypothesis = next(test for test in case.tests if metric in test.parts)
    share = test.weight * case.rules.level
    return share if test.least >= share else max(share / len(test.parts), math.nextafter(test.least, 1.0))


def _share(share: Share, p: float | None) -> ShareComparison:
    return ShareComparison(
        base=share.base,
        base_n=share.base_n,
        new=share.new,
        new_n=share.new_n,
        p=_short(share.p) if share.comparable else None,
        p_holm=None if p is None else _short(p),
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


def _short(p: float) -> float:
    return float(f"{p:.6g}")
