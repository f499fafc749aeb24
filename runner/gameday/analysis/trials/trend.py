"""History of runs: by scenario, responder, substrate, machine and quarter, how many ran and failed, and how long it took.

Only the outcomes in run folders are read. Whether a change between two quarters is more than chance is not judged
here: the machine, the code and the scenario may all have changed. `compare` judges that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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

METRICS = ("ttd_s", "ttr_s", "bad_ratio")
UNDATED = "undated"
PAGE = "report.html"
Group = tuple[str, str, str, str]
STAMPED = re.compile(r"(\d{8})-(\d{6})")


@dataclass(frozen=True)
class FoundRuns:
    """The runs at or below a folder: each once, its page by its id (below the folder), and the files that can't be read."""

    outcomes: list[Outcome]
    pages: dict[str, str]
    problems: list[str]


def read(folder: Path) -> FoundRuns:
    """Return every run at or below the folder."""
    outcomes: dict[str, Outcome] = {}
    pages: dict[str, str] = {}
    problems = []
    for file in sorted(folder.rglob(FILE)):
        try:
            outcome = Outcome.read_file(file)
        except ValueError as error:
            problems.append(str(error))
        else:
            if outcome.run.id not in outcomes and (file.with_name(PAGE)).is_file():
                pages[outcome.run.id] = file.with_name(PAGE).relative_to(folder).as_posix()
            outcomes.setdefault(outcome.run.id, outcome)
    return FoundRuns(list(outcomes.values()), pages, problems)


def history(outcomes: Sequence[Outcome], pages: Mapping[str, str] | None = None) -> History:
    """Return the scenarios by name, each with its quarters in order of time.

    A person's drill says nothing about automation, nor one machine about another: each responder, substrate and machine
    has an entry of its own. `pages`: run → its page.
    """
    groups: dict[Group, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(group(outcome), []).append(outcome)
    return History(
        runs=len(outcomes),
        quarters=tuple(sorted({quarter(outcome) for outcome in outcomes})),
        scenarios=tuple(_scenario(key, groups[key], pages or {}) for key in sorted(groups)),
    )


def group(outcome: Outcome) -> Group:
    """Return (scenario, responder, substrate, machine) of a run; "" if the run doesn't say."""
    run = outcome.run
    return run.scenario, str(outcome.responder.kind or ""), str(run.substrate or ""), str(run.host or "")


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


def _scenario(key: Group, outcomes: Sequence[Outcome], pages: Mapping[str, str]) -> ScenarioHistory:
    quarters: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.run.id):
        quarters.setdefault(quarter(outcome), []).append(outcome)
    ordered = [(key, quarters[key]) for key in sorted(quarters)]
    name, responder, substrate, machine = key
    return ScenarioHistory(
        scenario=name,
        responder=responder,
        substrate=substrate,
        machine=machine,
        runs=len(outcomes),
        quarters=tuple(_quarters(ordered, pages)),
    )


def _quarters(
    ordered: Sequence[tuple[str, Sequence[Outcome]]], pages: Mapping[str, str]
) -> Iterator[HistoryQuarter]:
    before: Mapping[str, list[float]] = {}
    for key, outcomes in ordered:
        verdicts = Counter(outcome.verdict for outcome in outcomes)
        measured = {metric: _measured(outcomes, metric) for metric in METRICS}
        values = {metric: [value for _, value in measured[metric]] for metric in METRICS}
        yield HistoryQuarter(
            quarter=key,
            runs=len(outcomes),
            passed=verdicts["pass"],
            fail=verdicts["fail"],
            inconclusive=verdicts["inconclusive"],
            error=verdicts["error"],
            lost=_lost(outcomes),
            severity=min((outcome.severity for outcome in outcomes if outcome.severity), default=None),
            metrics={metric: _metric(measured[metric], before.get(metric, [])) for metric in METRICS},
            pages={outcome.run.id: pages[outcome.run.id] for outcome in outcomes if outcome.run.id in pages},
        )
        before = {metric: values[metric] or list(before.get(metric, [])) for metric in METRICS}


def _measured(outcomes: Sequence[Outcome], metric: str) -> list[tuple[str, float]]:
    """Return (run, value) of each measured value, infinite if a run never came so far."""
    values = [(outcome.run.id, value_of(outcome, metric).counted) for outcome in outcomes]
    return [(run, value) for run, value in values if value is not None]


def _lost(outcomes: Sequence[Outcome]) -> int | None:
    audited = [outcome.audit.lost for outcome in outcomes if outcome.audit.lost is not None]
    return sum(audited) if audited else None


def _metric(measured: Sequence[tuple[str, float]], before: list[float]) -> HistoryMetric:
    values = [value for _, value in measured]
    middle = median(values)
    shift = hodges_lehmann(before, values) if before and values else None
    return HistoryMetric(
        n=middle.n,
        never=values.count(float("inf")),
        median=middle.value,
        interval=ends_of(middle.interval),
        coverage=coverage_of(middle.interval),
        values=tuple(values),
        runs=tuple(run for run, _ in measured),
        shift=HistoryShift(
            value=shift.value, interval=ends_of(shift.interval), coverage=coverage_of(shift.interval)
        )
        if shift
        else None,
    )
