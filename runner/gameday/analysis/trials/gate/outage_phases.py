"""Phases of an outage: detect, decide, operate, settle; and what a comparison reads of a trial.

One rule for every trial, everywhere: an inconclusive run, or one that was broken off, measures nothing. A fault without
an effect is a result of its own and no outage of 0 s. An outage that didn't end by itself is infinite.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.time_models import State
from gameday.analysis.trials.trial_summary import measures, value_of

TIMES = ("ttr_s", "ttd_s", "decide_s", "operate_s", "settle_s")
"""The metrics of a comparison, in seconds: the whole outage, then its phases in order of time."""
PHASES = TIMES[1:]
OPERATION = "the operation"


@dataclass(frozen=True)
class TrialTimes:
    """One trial: its times by metric (infinite if censored; missing if there is none), and what happened.

    `effect`: the fault hurt users; `recovered`: by itself, before the run gave up; both None if nothing was measured.
    `operation`: the one that ended the outage. `probe`: seconds that a fixed piece of work took on this machine.
    """

    run: str
    seed: int | None = None
    times: Mapping[str, float] = field(default_factory=dict)
    effect: bool | None = None
    recovered: bool | None = None
    operation: str = ""
    probe: float | None = None


def trial_times(outcome: Outcome) -> TrialTimes:
    """Return what a comparison reads of an outcome."""
    run = outcome.run
    if not measures(outcome):
        return TrialTimes(run.id, run.seed, probe=run.probe_s)
    known = {metric: value_of(outcome, metric) for metric in TIMES}
    return TrialTimes(
        run.id,
        run.seed,
        {metric: value.counted for metric, value in known.items() if value.counted is not None},
        *happened(known["ttr_s"].state),
        operation_of(outcome),
        run.probe_s,
    )


def happened(state: State) -> tuple[bool | None, bool | None]:
    """Return (had an effect, recovered by itself) by the state of TTR; None if that is unknown."""
    if state == "not_measured":
        return None, None
    return state != "no_effect", {"measured": True, "censored": False}.get(state)


def operation_of(outcome: Outcome) -> str:
    """Return the name of the operation that ended the outage; "" if none did."""
    act = outcome.clocks.act
    return next((operation.name for operation in outcome.operations if operation.t == act), "")


def words_of(trials: Iterable[TrialTimes]) -> dict[str, str]:
    """Return metric → what its phase is called; that of the operation has the name of the usual one."""
    names = Counter(trial.operation for trial in trials if trial.operation)
    operation = names.most_common(1)[0][0] if names else OPERATION
    return {
        "ttr_s": "recovery",
        "ttd_s": "detection",
        "decide_s": "decision",
        "operate_s": operation,
        "settle_s": f"recovery after {operation}",
    }


def values(trials: Sequence[TrialTimes], metric: str) -> tuple[float, ...]:
    """Return the known values of a metric."""
    return tuple(trial.times[metric] for trial in trials if metric in trial.times)


def matrix(trials: Sequence[TrialTimes], metrics: Sequence[str]) -> list[list[float]]:
    """Return a row for each trial; NaN is a missing value."""
    return [[trial.times.get(metric, math.nan) for metric in metrics] for trial in trials]


def same_seeds(base: Sequence[TrialTimes], new: Sequence[TrialTimes]) -> list[tuple[TrialTimes, TrialTimes]]:
    """Return the trials of both sides that have the same seed, in pairs, if each seed is there once on either side."""
    by_seed = {trial.seed: trial for trial in base if trial.seed is not None}
    if len(by_seed) < len(base) or len({trial.seed for trial in new}) < len(new):
        return []
    return [(by_seed[trial.seed], trial) for trial in new if trial.seed in by_seed]
