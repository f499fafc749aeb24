"""What a rule of the review finds, and the readings of a run that rules share. The rules are in `factors`, `strengths`.

A rule is a pure function of the run: None where it doesn't apply, or where what it needs was not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gameday.scenario.units import seconds
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.loose import mapping, number, pick, rows


@dataclass(frozen=True)
class Found:
    """`words`: a sentence of measured facts. `then`: what to do about it, empty where nothing.

    `owned`: whether that is for the owner of the scenario; else whose it is is left open.
    """

    words: str
    then: str = ""
    owned: bool = False


Rule = Callable[[Run], Found | None]


def figure(run: Run, *keys: str) -> float | None:
    """A number of the outcome."""
    return number(pick(run.outcome, *keys))


def measured(run: Run, key: str) -> float | None:
    """An interval where it was measured, seconds; None where it is censored or isn't known."""
    return figure(run, f"{key}_s") if run.outcome.get(f"{key}_state") == "measured" else None


def regions(run: Run) -> int:
    listed = pick(run.outcome, "system", "regions") or pick(run.scenario, "system", "regions")
    return len(listed) if isinstance(listed, list) else 0


def detectors(run: Run) -> dict[str, Mapping[str, Any]]:
    """Every detector that was configured, by name, with `pages` filled in from the scenario where it lacks."""
    pages = {row.get("detector"): row.get("pages") for row in rows(run.scenario.get("detectors"))}
    found = {name: mapping(row) for name, row in mapping(run.outcome.get("detectors")).items()}
    return {name: {"pages": pages.get(name), **row} for name, row in found.items()}


def fastest(run: Run, **wanted: Any) -> tuple[str, float] | None:
    """The detector that saw it first among those with these values, and its time to detect."""
    seen = [
        (ttd, name)
        for name, row in detectors(run).items()
        if all(row.get(key) == value for key, value in wanted.items())
        and (ttd := number(row.get("ttd_s"))) is not None
    ]
    return (min(seen)[1], min(seen)[0]) if seen else None


def reverted_after(run: Run) -> float | None:
    """How long after the last failure the timeline or the clean-up took a fault back, where that may have ended it.

    A request that was sent within a client's time-out of the revert may owe its answer to it, and between two bad
    requests nobody can tell when the outage ended. None where no revert came so close behind.
    """
    recovered = run.clocks.get("recovered")
    if recovered is None or "effect" not in run.clocks:
        return None
    near = _timeout(run) + (figure(run, "spacing_s", "recovered") or 0.0)
    by_rehearsal = [
        row for row in rows(run.outcome.get("faults")) if row.get("reverted_by") in ("schedule", "cleanup")
    ]
    after = [t - recovered for row in by_rehearsal if (t := number(row.get("reverted"))) is not None]
    return min((each for each in after if 0 <= each <= near), default=None)


def cured_after(run: Run) -> Mapping[str, Any] | None:
    """The right roll-back that was done only after users were well: until then what had hurt them was still served.

    A fault that hurts few may pause that long by chance. None where there was none, or users were hurt to the end.
    """
    recovered = run.clocks.get("recovered")
    if recovered is None:
        return None
    cures = [row for row in judged(run) if row.get("name") == "rollback" and row["right"]]
    return next((row for row in cures if (number(row.get("done")) or 0.0) > recovered), None)


def _timeout(run: Run) -> float:
    """The client's, seconds."""
    try:
        return float(seconds(pick(run.scenario, "load", "timeout")))
    except (TypeError, ValueError):
        return 0.0


def judged(run: Run) -> list[Mapping[str, Any]]:
    """The operations of which it can be told whether they touched the cause, in order."""
    found = [row for row in rows(run.outcome.get("operations")) if isinstance(row.get("right"), bool)]
    return sorted(found, key=lambda row: number(row.get("t")) or 0.0)
