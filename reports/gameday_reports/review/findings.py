"""Findings of the review's rules, and readings of a run that rules share.

A rule is a pure function of the run. It returns None if it doesn't apply or if its values were not
measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gameday.analysis.model.event_models import DetectorResult, Operation
from gameday.scenario.units import seconds
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.loose import pick, rows


@dataclass(frozen=True)
class Finding:
    """A finding. `words`: a sentence of measured facts. `then`: the follow-up, empty if there is
    none.

    `owned`: True if the follow-up is for the owner of the scenario; otherwise its owner is left
    open.
    """

    words: str
    then: str = ""
    owned: bool = False


Rule = Callable[[Run], Finding | None]


def measured(run: Run, key: str) -> float | None:
    """Return an interval in seconds; None if it is censored or unknown."""
    duration = run.outcome.duration(key)
    return duration.seconds if duration.state == "measured" else None


def regions(run: Run) -> int:
    listed = run.outcome.system.regions or pick(run.scenario, "system", "regions")
    return len(listed) if isinstance(listed, list | tuple) else 0


def detectors(run: Run) -> dict[str, DetectorResult]:
    """Return every configured detector by name, with `pages` from the scenario if it is missing."""
    pages = {row.get("detector"): row.get("pages") for row in rows(run.scenario.get("detectors"))}
    return {
        name: result.model_copy(update={"pages": pages.get(name)}) if result.pages is None else result
        for name, result in run.outcome.detectors.items()
    }


def fastest(run: Run, wanted: Callable[[DetectorResult], bool]) -> tuple[str, float] | None:
    """Return the first detector to see the outage among those that are wanted, and its time to
    detect."""
    seen = [
        (result.ttd_s, name)
        for name, result in detectors(run).items()
        if wanted(result) and result.ttd_s is not None
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
    near = _timeout(run) + (run.outcome.spacing_s.recovered or 0.0)
    by_rehearsal = [fault for fault in run.outcome.faults if fault.reverted_by in ("schedule", "cleanup")]
    after = [fault.reverted - recovered for fault in by_rehearsal if fault.reverted is not None]
    return min((each for each in after if 0 <= each <= near), default=None)


def cured_after(run: Run) -> Operation | None:
    """Return the right rollback that was done only after users were well.

    A fault that hurts few may pause that long by chance. Return None if there was none, or if users
    were hurt to the end.
    """
    recovered = run.clocks.get("recovered")
    if recovered is None:
        return None
    cures = [operation for operation in judged(run) if operation.name == "rollback" and operation.right]
    return next((cure for cure in cures if (cure.done or 0.0) > recovered), None)


def _timeout(run: Run) -> float:
    """Return the client's time-out in seconds."""
    try:
        return float(seconds(pick(run.scenario, "load", "timeout")))
    except (TypeError, ValueError):
        return 0.0


def judged(run: Run) -> list[Operation]:
    """Return the operations of which it is known if they touched the cause, in order."""
    known = [operation for operation in run.outcome.operations if operation.right is not None]
    return sorted(known, key=lambda operation: operation.t)
