"""Runs over the years → "gameday/history/v1": of each scenario, by quarter, how many ran and failed, how long it took.

Made of the outcomes in run folders alone. Whether a change between two quarters is more than chance is not judged here:
the machine, the code and the scenario may all have changed; that is what `compare` is for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gameday.analysis.trials.outcome_files import FILE, load_side
from gameday.analysis.trials.statistics import Median, hodges_lehmann, median
from gameday.analysis.trials.trial_summary import Outcome, interval_keys, number, value_of

SCHEMA = "gameday/history/v1"
METRICS = ("ttd_s", "ttr_s", "failed_ratio")
VERDICTS = ("pass", "fail", "inconclusive", "error")
UNDATED = "undated"
STAMPED = re.compile(r"(\d{8})-(\d{6})")


def read(folder: Path) -> tuple[list[Outcome], list[str]]:
    """Every outcome at or below the folder, a run only once, and what is wrong with those that can't be read."""
    found: dict[str, Outcome] = {}
    wrong = []
    for file in sorted(folder.rglob(FILE)):
        try:
            ((outcome,),) = load_side(file).values()
            _told(outcome)
        except (ValueError, LookupError, TypeError) as error:
            wrong.append(
                str(error) if str(file) in str(error) else f"{file}: {type(error).__name__}: {error}"
            )
        else:
            found.setdefault(outcome["run"]["id"], outcome)
    return list(found.values()), wrong


def _told(outcome: Outcome) -> None:
    """Raises LookupError, TypeError or ValueError where the outcome lacks what a history takes from it."""
    json.dumps([outcome["verdict"], [value_of(outcome, metric).counted for metric in METRICS]])


def history(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Scenarios by name, each with its quarters in order of time; quarters without a run are left out."""
    by_name: dict[str, list[Outcome]] = {}
    for each in outcomes:
        by_name.setdefault(str(each["run"]["scenario"]), []).append(each)
    return {
        "schema": SCHEMA,
        "runs": len(outcomes),
        "quarters": sorted({quarter(each) for each in outcomes}),
        "scenarios": [_scenario(name, by_name[name]) for name in sorted(by_name)],
    }


def started(outcome: Outcome) -> datetime | None:
    """When the run began, in UTC: as it says, else as its id says."""
    run = outcome["run"]
    try:
        found = datetime.fromisoformat(str(run.get("started")))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        stamp = STAMPED.match(str(run["id"]))
    try:
        return (
            datetime.strptime("".join(stamp.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC) if stamp else None
        )
    except ValueError:
        return None


def quarter(outcome: Outcome) -> str:
    """'2026 Q4', of the calendar, in UTC; runs that don't say when they were come last."""
    when = started(outcome)
    return f"{when.year} Q{(when.month + 2) // 3}" if when else UNDATED


def _scenario(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    quarters: dict[str, list[Outcome]] = {}
    for each in sorted(outcomes, key=lambda each: str(each["run"]["id"])):
        quarters.setdefault(quarter(each), []).append(each)
    ordered = [(key, quarters[key]) for key in sorted(quarters)]
    return {"scenario": name, "runs": len(outcomes), "quarters": list(_quarters(ordered))}


def _quarters(ordered: Sequence[tuple[str, Sequence[Outcome]]]) -> Iterator[dict[str, Any]]:
    before: Mapping[str, list[float]] = {}
    for key, outcomes in ordered:
        verdicts = Counter(str(each["verdict"]) for each in outcomes)
        values = {metric: _values(outcomes, metric) for metric in METRICS}
        yield {
            "quarter": key,
            "runs": len(outcomes),
            **{word: verdicts[word] for word in VERDICTS},
            "lost": _lost(outcomes),
            "metrics": {metric: _metric(values[metric], before.get(metric, [])) for metric in METRICS},
        }
        before = {metric: values[metric] or list(before.get(metric, [])) for metric in METRICS}


def _values(outcomes: Sequence[Outcome], metric: str) -> list[float]:
    """Infinite where a run never came so far; runs that measured nothing are left out."""
    found = [value_of(each, metric).counted for each in outcomes]
    return [each for each in found if each is not None]


def _lost(outcomes: Sequence[Outcome]) -> int | None:
    found = [lost for each in outcomes if (lost := (each.get("audit") or {}).get("lost")) is not None]
    return sum(found) if found else None


def _metric(values: list[float], before: list[float]) -> dict[str, Any]:
    """`shift`: against the last quarter that has values, with the interval of shifts that chance alone leaves open."""
    found: Median = median(values)
    shift = hodges_lehmann(before, values) if before and values else None
    told = {"value": number(shift.value), **interval_keys(shift.interval)} if shift else None
    return {
        "n": found.n,
        "never": values.count(float("inf")),
        "median": number(found.value),
        **interval_keys(found.interval),
        "values": [number(each) for each in values],
        "shift": told,
    }
