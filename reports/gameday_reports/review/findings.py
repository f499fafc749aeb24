"""Findings of the review's rules, and readings of a run that rules share.

A rule is a pure function of the run. It returns None if it doesn't apply or if its values were not
measured.
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
    """A finding. `words`: a sentence of measured facts. `then`: the follow-up, empty if there is
    none.

    `owned`: True if the follow-up is for the owner of the scenario; otherwise its owner is left
    open.
    """

    words: str
    then: str = ""
    owned: bool = False


Rule = Callable[[Run], Found | None]


def figure(run: Run, *keys: str) -> float | None:
    """Return a number of the outcome."""
    return number(pick(run.outcome, *keys))


def measured(run: Run, key: str) -> float | None:
    """Return an interval in seconds; None if it is censored or unknown."""
    return figure(run, f"{key}_s") if run.outcome.get(f"{key}_state") == "measured" else None


def regions(run: Run) -> int:
    listed = pick(run.outcome, "system", "regions") or pick(run.scenario, "system", "regions")
    return len(listed) if isinstance(listed, list) else 0


def detectors(run: Run) -> dict[str, Mapping[str, Any]]:
    """Return every configured detector by name, with `pages` from the scenario if it is missing."""
    pages = {row.get("detector"): row.get("pages") for row in rows(run.scenario.get("detectors"))}
    found = {name: mapping(row) for name, row in mapping(run.outcome.get("detectors")).items()}
    return {name: {"pages": pages.get(name), **row} for name, row in found.items()}


def fastest(run: Run, **wanted: Any) -> tuple[str, float] | None:
    """Return the first detector to see the outage among those with these values, and its time to
    detect."""
    seen = [
        (ttd, name)
        for name, row in detectors(run).items()
        if all(row.get(key) == value for key, value in wanted.items())
        and (ttd := number(row.get("ttd_s"))) is not None
    ]
    return (min(seen)[1], min(seen)[0]) if seen else None


def reverted_after(run: Run) -> float | None:
    """Return how long after the last failure a fault was reverted by timeline or clean-up, if that
    may have ended it.

    A request sent within a client's time-out of the revert may owe its answer to it, and between
    two bad requests the end of the outage is unknown. Return None if no revert came that close.
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
    """Return the right rollback that was done only after users were well.

    A fault that hurts few may pause that long by chance. Return None if there was none, or if users
    were hurt to the end.
    """
    recovered = run.clocks.get("recovered")
    if recovered is None:
        return None
    cures = [row for row in judged(run) if row.get("name") == "rollback" and row["right"]]
    return next((row for row in cures if (number(row.get("done")) or 0.0) > recovered), None)


def _timeout(run: Run) -> float:
    """Return the client's time-out in seconds."""
    try:
        return float(seconds(pick(run.scenario, "load", "timeout")))
    except (TypeError, ValueError):
        return 0.0


def judged(run: Run) -> list[Mapping[str, Any]]:
    """Return the operations of which it is known if they touched the cause, in order."""
    found = [row for row in rows(run.outcome.get("operations")) if isinstance(row.get("right"), bool)]
    return sorted(found, key=lambda row: number(row.get("t")) or 0.0)
