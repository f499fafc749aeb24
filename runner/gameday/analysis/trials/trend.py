"""History of runs: by scenario and quarter, how many ran and failed, and how long it took.

Only the outcomes in run folders are read. Whether a change between two quarters is more than chance is not judged
here: the machine, the code and the scenario may all have changed. `compare` judges that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gameday.analysis.model.history_model import (
    History,
    HistoryMetric,
    HistoryQuarter,
    HistoryShift,
    ScenarioHistory,
)
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.trials.outcome_files import FILE
from gameday.analysis.trials.statistics import hodges_lehmann, median
from gameday.analysis.trials.trial_summary import coverage_of, ends_of, value_of

METRICS = ("ttd_s", "ttr_s", "failed_ratio")
UNDATED = "undated"
STAMPED = re.compile(r"(\d{8})-(\d{6})")


def read(folder: Path) -> tuple[list[Outcome], list[str]]:
    """Return every outcome at or below the folder, each run once, and what is wrong with those that can't be read."""
    outcomes: dict[str, Outcome] = {}
    problems = []
    for file in sorted(folder.rglob(FILE)):
        try:
            outcome = Outcome.read_file(file)
        except ValueError as error:
            problems.append(str(error))
        else:
            outcomes.setdefault(outcome.run.id, outcome)
    return list(outcomes.values()), problems


def history(outcomes: Sequence[Outcome]) -> History:
    """Return the scenarios by name, each with its quarters in order of time."""
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_name.setdefault(outcome.run.scenario, []).append(outcome)
    return History(
        runs=len(outcomes),
        quarters=tuple(sorted({quarter(outcome) for outcome in outcomes})),
        scenarios=tuple(_scenario(name, by_name[name]) for name in sorted(by_name)),
    )


def started(outcome: Outcome) -> datetime | None:
    """Return when the run began, in UTC: by its own record, else by its id; None if neither says."""
    run = outcome.run
    try:
        began = datetime.fromisoformat(str(run.started))
        return began.astimezone(UTC) if began.tzinfo else began.replace(tzinfo=UTC)
    except ValueError:
        stamp = STAMPED.match(run.id)
    try:
        return (
            datetime.strptime("".join(stamp.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if stamp else None
        )
    except ValueError:
        return None


def quarter(outcome: Outcome) -> str:
    """Return the calendar quarter in UTC, as '2026 Q4'; `UNDATED`, which sorts last, if the run has no date."""
    when = started(outcome)
    return f"{when.year} Q{(when.month + 2) // 3}" if when else UNDATED


def _scenario(name: str, outcomes: Sequence[Outcome]) -> ScenarioHistory:
    quarters: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.run.id):
        quarters.setdefault(quarter(outcome), []).append(outcome)
    ordered = [(key, quarters[key]) for key in sorted(quarters)]
    return ScenarioHistory(scenario=name, runs=len(outcomes), quarters=tuple(_quarters(ordered)))


def _quarters(ordered: Sequence[tuple[str, Sequence[Outcome]]]) -> Iterator[HistoryQuarter]:
    before: Mapping[str, list[float]] = {}
    for key, outcomes in ordered:
        verdicts = Counter(outcome.verdict for outcome in outcomes)
        values = {metric: _values(outcomes, metric) for metric in METRICS}
        yield HistoryQuarter(
            quarter=key,
            runs=len(outcomes),
            passed=verdicts["pass"],
            fail=verdicts["fail"],
            inconclusive=verdicts["inconclusive"],
            error=verdicts["error"],
            lost=_lost(outcomes),
            severity=min((outcome.severity for outcome in outcomes if outcome.severity), default=None),
            metrics={metric: _metric(values[metric], before.get(metric, [])) for metric in METRICS},
        )
        before = {metric: values[metric] or list(before.get(metric, [])) for metric in METRICS}


def _values(outcomes: Sequence[Outcome], metric: str) -> list[float]:
    """Return the measured values, infinite if a run never came so far."""
    values = [value_of(outcome, metric).counted for outcome in outcomes]
    return [value for value in values if value is not None]


def _lost(outcomes: Sequence[Outcome]) -> int | None:
    audited = [outcome.audit.lost for outcome in outcomes if outcome.audit.lost is not None]
    return sum(audited) if audited else None


def _metric(values: list[float], before: list[float]) -> HistoryMetric:
    middle = median(values)
    shift = hodges_lehmann(before, values) if before and values else None
    return HistoryMetric(
        n=middle.n,
        never=values.count(float("inf")),
        median=middle.value,
        interval=ends_of(middle.interval),
        coverage=coverage_of(middle.interval),
        values=tuple(values),
        shift=HistoryShift(
            value=shift.value, interval=ends_of(shift.interval), coverage=coverage_of(shift.interval)
        )
        if shift
        else None,
    )
