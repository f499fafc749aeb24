"""Durations: differences of clocks, each with the state that says how far it may be trusted; who ended the outage."""

from __future__ import annotations

from gameday.analysis.clocks.attribution import mended_by_schedule, revert_ordered
from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.time_models import DURATIONS, Duration, Durations, EndedBy
from gameday.recording.journal_events import FaultReverted


def durations_by_name(analysis: Analysis) -> dict[str, Duration]:
    """Return every duration by its name."""
    clocks, run = analysis.clocks, analysis.run
    if clocks.effect is None:
        absent = Duration("no_effect" if analysis.unhurt else "not_measured")
        return dict.fromkeys(DURATIONS, absent)
    unseen_until = analysis.until if clocks.act is None else min(clocks.act, analysis.until)
    return {
        "ttd": _between(clocks.effect, clocks.detect, unseen_until),
        "ttd_from_inject": _between(clocks.inject, clocks.detect, unseen_until),
        "tta": _between(clocks.detect, clocks.ack, max(analysis.until, clocks.detect or 0.0)),
        "ttr": _recovery(analysis),
        "ttfr": _between(clocks.effect, clocks.restored, run.end),
    }


def ended_by(analysis: Analysis) -> tuple[EndedBy | None, float | None]:
    """Return who ended the outage, and when that was done; (None, None) if it didn't end.

    If an abort condition ended the run during the outage, the clean-up ended it at that moment. A right operation
    ended the outage; an operation that can't be judged did so unless something later explains the end as well. The
    schedule may have ended it if the outage can't be shown to have ended before. Otherwise the system did.
    """
    end, act, stopped = analysis.end, analysis.act, analysis.run.stopped
    if end is None or analysis.clocks.recovered is None:
        return ("cleanup", stopped.t) if stopped and analysis.outages else (None, None)
    began = analysis.outages[-1].effect
    if act is not None and act.right:
        return "responder", act.t
    causes: list[tuple[float, EndedBy]] = [(act.t, "responder")] if act is not None else []
    causes += [(t, "schedule") for t in _by_schedule(analysis.run) if began <= t and end.allows(t)]
    cleared = [event.t for event in analysis.run.journal.of(FaultReverted) if event.by == "cleanup"]
    causes += [(t, "cleanup") for t in cleared if began <= t <= end.recovered]
    if not causes:
        return "system", None
    t, who = max(causes)
    return who, t


def _by_schedule(run: Run) -> list[float]:
    """Return the times at which the timeline undid its own change or fault, by a revert or by a
    good release."""
    reverts = [event for event in run.journal.of(FaultReverted) if event.by == "schedule"]
    return [*(revert_ordered(run, event) for event in reverts), *mended_by_schedule(run)]


def durations(analysis: Analysis) -> Durations:
    """Return the durations as the outcome holds them, under flat keys: `ttd_s`, `ttd_state`, `ttd_censored_at`, …"""
    keys: dict[str, object] = {}
    for name, duration in durations_by_name(analysis).items():
        keys[f"{name}_s"] = duration.seconds
        keys[f"{name}_state"] = duration.state
        keys[f"{name}_censored_at"] = duration.censored_at
    return Durations.model_validate(keys)


def _between(begin: float | None, end: float | None, until: float) -> Duration:
    if begin is None:
        return Duration("not_measured")
    if end is None:
        return Duration("censored", None, until)
    return Duration("measured", end - begin)


def _recovery(analysis: Analysis) -> Duration:
    clocks = analysis.clocks
    who, when = ended_by(analysis)
    if who in ("schedule", "cleanup") and not analysis.run.scenario.allow_scheduled:
        return Duration("censored", None, when)
    return _between(clocks.effect, clocks.recovered, analysis.run.end)
