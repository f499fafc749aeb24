"""Sentences of a comparison: what got slower, by how much, what didn't change, and which two runs to open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gameday.analysis.model.comparison_model import OpenRuns
from gameday.analysis.trials.gate.compared_scenario import Case
from gameday.analysis.trials.gate.hypotheses import Pair
from gameday.analysis.trials.gate.outage_phases import PHASES, TrialTimes, words_of
from gameday.analysis.trials.statistics import median

SHARES = {
    "never": ("never recovered", "trials"),
    "effect": ("had an effect", "trials"),
}


def reasons(case: Case) -> Iterator[str]:
    """Yield a sentence for everything that became worse in a scenario, or for why that can't be known."""
    for name in case.worse_shares:
        share, (happened, noun) = case.sides.shares[name], SHARES[name]
        yield (
            f"{case.scenario}: {share.new} of {share.new_n} {noun} of new {happened}, {share.base} of {share.base_n} of "
            f"base; {_chance(case.p_holm[name], case)}"
        )
    if case.regressed:
        opened = open_runs(case)
        runs = f"; open {opened.base} (base) and {opened.new} (new)" if opened.base and opened.new else ""
        least = min(case.p_holm[pair.metric] for pair in case.regressed)
        yield f"{case.scenario}: {summary(case)}; {_chance(least, case)}{runs}"
    if case.too_few:
        yield f"{case.scenario}: {_scarcity(case)}"


def summary(case: Case) -> str:
    """Return 'rollback 0.7 s slower (+95 %); detection and decision unchanged'; "" if nothing became slower."""
    words = words_of([*case.sides.new, *case.sides.base])
    slower = [pair for pair in case.regressed if pair.metric != "ttr_s"]
    whole = [pair for pair in case.regressed if pair.metric == "ttr_s"]
    parts = [*(f"{words[pair.metric]} {_slower(pair, case)}" for pair in slower)]
    parts += [f"{'TTR' if slower else words['ttr_s']} {_slower(pair, case)}" for pair in whole]
    if not parts:
        return ""
    same = [words[metric] for metric in PHASES if _unchanged(case, metric)]
    unsure = [
        words[metric]
        for metric in PHASES
        if metric not in {pair.metric for pair in case.regressed}
        and case.pairs[metric].comparable
        and not _unchanged(case, metric)
    ]
    clauses = [", ".join(parts)]
    clauses += [f"{_listed(same)} unchanged"] if same else []
    clauses += [f"{_listed(unsure)} not surely different"] if unsure else []
    return "; ".join(clauses)


def open_runs(case: Case) -> OpenRuns:
    """Return the two runs to look at: of the metric that changed most, on each side the one nearest to the median.

    If both sides have the same seeds, it is the pair whose difference is nearest to the shift.
    """
    if not case.regressed:
        return OpenRuns()
    pair = min(case.regressed, key=lambda pair: (pair.metric == "ttr_s", case.p_holm[pair.metric]))
    known = [
        [trial for trial in side if pair.metric in trial.times] for side in (case.sides.base, case.sides.new)
    ]
    matched = {trial.seed: trial for trial in known[0] if trial.seed is not None}
    both = [(matched[new.seed], new) for new in known[1] if new.seed in matched]
    if len(both) == len(known[1]) == len(matched):
        gap = [new.times[pair.metric] - base.times[pair.metric] for base, new in both]
        base, new = min(zip(gap, both, strict=True), key=lambda each: _distance(each[0], pair.shift.value))[1]
        return OpenRuns(base=base.run, new=new.run)
    nearest = [_typical(side, pair.metric) for side in known]
    return OpenRuns(base=nearest[0], new=nearest[1])


def _typical(trials: Sequence[TrialTimes], metric: str) -> str:
    middle = median([trial.times[metric] for trial in trials]).value or 0.0
    return min(trials, key=lambda trial: _distance(trial.times[metric], middle)).run


def _distance(a: float, b: float) -> float:
    return 0.0 if a == b else abs(a - b)


def _slower(pair: Pair, case: Case) -> str:
    if pair.metric == "ttd_s" and case.sides.replayed:
        before, after = (median(side).value or 0.0 for side in zip(*case.sides.replayed, strict=True))
        return f"{_span(after - before)} slower{_share((after - before) / before if before else math.inf)} on the same streams"
    return f"{_span(pair.shift.value)} slower{_share(pair.relative)}"


def _share(relative: float | None) -> str:
    return "" if relative is None or math.isinf(relative) else f" ({relative:+.0%})".replace("%", " %")


def _span(seconds: float) -> str:
    if math.isinf(seconds):
        return "for ever"
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _unchanged(case: Case, metric: str) -> bool:
    """Return True if a phase is known on both sides, didn't regress, and its shift is too small to matter."""
    if metric in {pair.metric for pair in case.regressed}:
        return False
    if metric == "ttd_s" and case.sides.replayed:
        return True
    pair = case.pairs[metric]
    return pair.comparable and not case.rules.matters(pair)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _chance(p: float, case: Case) -> str:
    return f"p = {p:.2g} over {counted(case.rules.tests, 'test')}"


def _scarcity(case: Case) -> str:
    n, m = (len([trial for trial in side if trial.times]) for side in (case.sides.base, case.sides.new))
    scenarios, needed = counted(max(1, case.rules.scenarios), "scenario"), case.rules.needed
    return (
        f"{n} against {m} measured trials can never show a regression at α = {case.rules.alpha:g} over {scenarios}; "
        f"it takes {needed} a side"
    )


def counted(n: int, noun: str) -> str:
    """Return '1 test' or '3 tests'."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
