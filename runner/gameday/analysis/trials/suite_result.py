"""Suite result: the content of `suite.json`, several scenarios, each once or in trials, and the
verdict of all.

Every page and file of a suite is made from this alone. `execution` decides which scenarios run and
in which order; `baseline` is the gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from gameday.analysis.model.baseline_model import Gate, MachineSpeed
from gameday.analysis.model.event_models import Expectation
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import DIGITS, Value
from gameday.analysis.model.suite_model import (
    FailedTrial,
    OrderTotals,
    Suite,
    SuiteExpectation,
    SuiteInfo,
    SuiteRun,
    SuiteScenario,
    SuiteTotals,
)
from gameday.analysis.model.trials_model import Judged, MetricSummary, SuccessRate
from gameday.analysis.outcome.run_verdict import ERROR, INCONCLUSIVE, INTERRUPTED, NAMES, PRECEDENCE, worst
from gameday.analysis.trials.gate.outage_phases import operation_of
from gameday.analysis.trials.trial_summary import summarise

MOST_REASONS = 2
ORDERS = ("acknowledged", "lost", "duplicated", "charged_twice", "oversold", "wrong_amount", "indeterminate")
SPEEDS = ("probe_s", "start_s", "base_p50_s", "lag_p95_s")
"""The quantities of `MachineSpeed`."""


@dataclass(frozen=True)
class Attempt:
    """A finished run. `folder` is relative to the suite's; `speed`: the machine's speed during this
    run.

    `retried`: the run was inconclusive and repeated, so it doesn't count.
    """

    outcome: Outcome
    folder: str
    speed: MachineSpeed = field(default_factory=MachineSpeed)
    retried: bool = False


@dataclass(frozen=True)
class Entry:
    """A scenario of a suite, of which `trials` were wanted.

    `report`: the page of its trials, `matrix` that of its variants, both relative to the suite's folder. `missing`: why
    some or all of its trials didn't run, "" if all did.
    """

    name: str
    title: str
    path: str
    trials: int
    attempts: Sequence[Attempt]
    variant: str | None = None
    tags: Sequence[str] = ()
    report: str | None = None
    matrix: str | None = None
    missing: str = ""

    @property
    def counted(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if not attempt.retried]


def suite(
    info: SuiteInfo,
    entries: Sequence[Entry],
    *,
    interrupted: bool = False,
    broken: str = "",
    gate: Gate | None = None,
) -> Suite:
    """Judge a suite. `broken` says what the tool failed at; `gate` is the result against a baseline.

    A scenario of which no trial reached its steady state makes the whole inconclusive.
    """
    scenarios = tuple(_scenario(entry) for entry in entries)
    status = worst(
        [*(scenario.exit_status for scenario in scenarios), *([gate.exit_status] if gate else [])],
        unmet=any(scenario.unmet for scenario in scenarios),
    )
    status = worst([status, *([ERROR] if broken else []), *([INTERRUPTED] if interrupted else [])])
    gate_reasons = gate.reasons if gate else ()
    return Suite(
        **vars(info),
        verdict=NAMES.get(status, "error"),
        exit_status=status,
        reasons=(*filter(None, [broken, info.crowded]), *_reasons(scenarios), *gate_reasons),
        interrupted=interrupted,
        totals=_totals(scenarios),
        scenarios=scenarios,
        baseline=gate,
    )


def _scenario(entry: Entry) -> SuiteScenario:
    counted = entry.counted
    judged, success, metrics = _judged(entry)
    return SuiteScenario(
        scenario=entry.name,
        title=entry.title,
        path=entry.path,
        variant=entry.variant,
        report=entry.report,
        matrix=entry.matrix,
        missing=entry.missing,
        tags=tuple(entry.tags),
        planned=entry.trials,
        n=len(counted),
        **vars(judged),
        success=success,
        metrics=metrics,
        severity=min((sev for attempt in counted if (sev := attempt.outcome.severity)), default=None),
        unmet=bool(counted) and all(attempt.outcome.steady_state.met is False for attempt in counted),
        expectations=tuple(_expectations(counted)),
        orders=_orders(counted),
        machine=_machine(counted),
        runs=tuple(_run(attempt) for attempt in entry.attempts),
    )


def _judged(entry: Entry) -> tuple[Judged, SuccessRate | None, dict[str, MetricSummary]]:
    """Return verdict, success rate and metrics. A scenario that never ran can't be judged."""
    counted, missing = entry.counted, [f"not run: {entry.missing}"] if entry.missing else []
    if not counted:
        return _judgement(INCONCLUSIVE, missing or ["not run"]), None, {}
    trials = summarise([attempt.outcome for attempt in counted])
    status = worst([trials.exit_status, *([INCONCLUSIVE] if missing else [])])
    reasons = counted[0].outcome.reasons if len(counted) == 1 else trials.reasons
    lacking = [f"{len(counted)} of {entry.trials} trials ran: {entry.missing}"] if missing else []
    return _judgement(status, [*reasons, *lacking]), trials.success, trials.metrics


def _judgement(status: int, reasons: Sequence[str]) -> Judged:
    return Judged(verdict=NAMES.get(status, "error"), exit_status=status, reasons=tuple(reasons))


def _run(attempt: Attempt) -> SuiteRun:
    outcome = attempt.outcome
    return SuiteRun(
        run=outcome.run.id,
        folder=attempt.folder,
        seed=outcome.run.seed,
        started=outcome.run.started,
        duration_s=outcome.run.duration_s,
        verdict=outcome.verdict,
        exit_status=outcome.exit_status,
        reasons=outcome.reasons,
        retried=attempt.retried,
        operation=operation_of(outcome),
        probe_s=outcome.run.probe_s,
    )


def _expectations(attempts: Sequence[Attempt]) -> Iterator[SuiteExpectation]:
    """Yield each expectation over all trials: in how many it held, failed or is unknown, and what those said."""
    results = [
        (attempt.outcome.run.id, expectation)
        for attempt in attempts
        for expectation in attempt.outcome.expectations
    ]
    for expr in dict.fromkeys(expectation.expr for _, expectation in results):
        own = [(run, expectation) for run, expectation in results if expectation.expr == expr]
        counts = Counter(expectation.holds for _, expectation in own)
        yield SuiteExpectation(
            expr=expr,
            held=counts[True],
            failed=counts[False],
            unknown=counts[None],
            unmet=tuple(
                FailedTrial(run=run, holds=expectation.holds, values=_values(expectation))
                for run, expectation in own
                if expectation.holds is not True
            ),
        )


def _values(expectation: Expectation) -> str:
    """Return `ttd = 6.2, ttr = censored`."""
    states = expectation.states
    return ", ".join(f"{name} = {states.get(name) or _shown(v)}" for name, v in expectation.values.items())


def _shown(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _orders(attempts: Sequence[Attempt]) -> OrderTotals:
    """Return sums over the trials that were audited."""
    audits = [attempt.outcome.audit for attempt in attempts if attempt.outcome.audit.lost is not None]
    if not audits:
        return OrderTotals()
    sums = {key: sum(getattr(audit, key) or 0 for audit in audits) for key in ORDERS}
    return OrderTotals(audited=len(audits), **sums)


def _machine(attempts: Sequence[Attempt]) -> MachineSpeed:
    """Return the median over the trials of each quantity."""
    return MachineSpeed(
        **{key: middle([getattr(attempt.speed, key) for attempt in attempts]) for key in SPEEDS}
    )


def middle(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known and above 0, rounded; None if there is none."""
    known = [value for value in values if value]
    return round(median(known), DIGITS) if known else None


def _reasons(scenarios: Sequence[SuiteScenario]) -> Iterator[str]:
    """Yield one sentence for each scenario that didn't pass, the gravest first."""
    for scenario in sorted(scenarios, key=lambda scenario: PRECEDENCE.index(scenario.exit_status)):
        if scenario.exit_status or scenario.unmet:
            reasons = scenario.reasons or (scenario.verdict,)
            more = f" (and {len(reasons) - MOST_REASONS} more)" if len(reasons) > MOST_REASONS else ""
            yield f"{scenario.scenario}: {'; '.join(reasons[:MOST_REASONS])}{more}"


def _totals(scenarios: Sequence[SuiteScenario]) -> SuiteTotals:
    verdicts = Counter(scenario.verdict for scenario in scenarios if scenario.n)
    return SuiteTotals(
        scenarios=len(scenarios),
        passed=verdicts["pass"],
        fail=verdicts["fail"],
        inconclusive=verdicts["inconclusive"],
        error=verdicts["error"],
        not_run=sum(not scenario.n for scenario in scenarios),
        trials=sum(scenario.n for scenario in scenarios),
        planned=sum(scenario.planned for scenario in scenarios),
        retried=sum(run.retried for scenario in scenarios for run in scenario.runs),
    )
