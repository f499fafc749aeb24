"""Trial summary: the content of `trials.json`, several trials of one scenario with medians and
intervals.

Only the outcomes of the trials are read. A median or an end of an interval is infinite if trials
never recovered.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import DIGITS
from gameday.analysis.model.time_models import State
from gameday.analysis.model.trials_model import MetricSummary, SuccessRate, TrialResult, Trials, TrialValue
from gameday.analysis.outcome.run_verdict import ERROR, INCONCLUSIVE, INTERRUPTED, NAMES, worst
from gameday.analysis.trials.statistics import Interval, median, success_rate

DURATIONS = ("ttd_s", "tta_s", "ttr_s", "ttfr_s")
RATIOS = ("bad_ratio", "users_affected_ratio")
SPANS = {"decide_s": ("detect", "act"), "operate_s": ("act", "acted"), "settle_s": ("acted", "recovered")}
"""Phases of an outage between two clocks; TTD is the first."""
METRICS = (*DURATIONS, *SPANS, *RATIOS)
UNMEASURED = (ERROR, INTERRUPTED, INCONCLUSIVE)
"""Exit statuses of runs whose durations say nothing about the system."""
GRAVEST_FIRST = {"error": "ended in an error", "fail": "failed", "inconclusive": "were inconclusive"}


@dataclass(frozen=True)
class Value:
    """One metric of one trial: `amount` in seconds, or a ratio, if it was measured."""

    state: State
    amount: float | None = None
    censored_at: float | None = None

    @property
    def counted(self) -> float | None:
        """Return the value for statistics: infinite if censored, None if there is none."""
        return math.inf if self.state == "censored" else self.amount


def measures(outcome: Outcome) -> bool:
    """Return True if the durations of a run say something about the system.

    Those of an inconclusive run don't, nor those of one that was broken off, by a tool failure or by hand. Neither does a
    run that ended as recovered and turned out not to be: nobody waited to see whether it would have been.
    """
    gave_up_early = outcome.duration("ttr").state == "censored" and outcome.run.ended == "held"
    return outcome.exit_status not in UNMEASURED and not (gave_up_early and outcome.ended_by is None)


def value_of(outcome: Outcome, metric: str) -> Value:
    """Return a metric of a trial; its duration isn't measured unless the run `measures`."""
    if metric in RATIOS:
        ratio: float | None = getattr(outcome.impact, metric)
        return Value("not_measured") if ratio is None else Value("measured", ratio)
    if not measures(outcome):
        return Value("not_measured")
    if metric in SPANS:
        since, until = (getattr(outcome.clocks, clock) for clock in SPANS[metric])
        known = since is not None and until is not None
        return Value("measured", until - since) if known else Value("not_measured")
    duration = outcome.duration(metric.removesuffix("_s"))
    if duration.state == "measured":
        return Value("measured", duration.seconds)
    if duration.state != "censored":
        return Value(duration.state)
    return Value("censored", None, duration.censored_at)


def summarise(outcomes: Sequence[Outcome]) -> Trials:
    """Summarise trials, in the order given. Raise ValueError if there is none, or if they are of several scenarios."""
    scenarios = sorted({outcome.run.scenario for outcome in outcomes})
    if len(scenarios) != 1:
        raise ValueError(f"trials are of one scenario, these are of {', '.join(scenarios) or 'none'}")
    status = worst([outcome.exit_status for outcome in outcomes])
    return Trials(
        scenario=scenarios[0],
        n=len(outcomes),
        verdict=NAMES.get(status, "error"),
        exit_status=status,
        reasons=tuple(_reasons(outcomes)),
        success=_success(outcomes),
        trials=tuple(_trial(outcome) for outcome in outcomes),
        metrics={metric: _metric(outcomes, metric) for metric in METRICS},
    )


def ends_of(interval: Interval | None) -> tuple[float, float] | None:
    """Return both ends of an interval, None if there is none."""
    return None if interval is None else (interval.low, interval.high)


def coverage_of(interval: Interval | None) -> float | None:
    """Return the coverage of an interval, rounded, None if there is none."""
    return None if interval is None else round(interval.coverage, DIGITS)


def _trial(outcome: Outcome) -> TrialResult:
    return TrialResult(
        run=outcome.run.id,
        seed=outcome.run.seed,
        verdict=outcome.verdict,
        exit_status=outcome.exit_status,
        reasons=outcome.reasons,
    )


def _metric(outcomes: Sequence[Outcome], metric: str) -> MetricSummary:
    values = [value_of(outcome, metric) for outcome in outcomes]
    middle = median([value.counted for value in values if value.counted is not None])
    return MetricSummary(
        n=middle.n,
        censored=sum(value.state == "censored" for value in values),
        median=middle.value,
        interval=ends_of(middle.interval),
        coverage=coverage_of(middle.interval),
        needed=middle.needed,
        values=tuple(
            TrialValue(
                run=outcome.run.id, value=value.amount, state=value.state, censored_at=value.censored_at
            )
            for outcome, value in zip(outcomes, values, strict=True)
        ),
    )


def _success(outcomes: Sequence[Outcome]) -> SuccessRate:
    """Count only trials that could be judged: an inconclusive one, or one that the tool failed, didn't fail."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    rate = success_rate(verdicts["pass"], verdicts["pass"] + verdicts["fail"])
    return SuccessRate(
        passed=rate.successes,
        judged=rate.n,
        ratio=rate.ratio,
        at_least=rate.at_least,
        confidence=rate.confidence,
    )


def _reasons(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield how many trials had each bad verdict, the gravest first, each followed by their own reasons."""
    for verdict, words in GRAVEST_FIRST.items():
        bad = [outcome for outcome in outcomes if outcome.verdict == verdict]
        if bad:
            yield f"{len(bad)} of {len(outcomes)} trials {words}"
        for outcome in bad:
            yield from (f"{outcome.run.id}: {reason}" for reason in outcome.reasons)
