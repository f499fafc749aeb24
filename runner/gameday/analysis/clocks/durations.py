"""Durations: differences of clocks, each with the state that says how far it may be trusted; who ended the outage."""

from __future__ import annotations

from gameday.analysis.clocks.attribution import PATIENCE_S, mended_by_schedule, revert_ordered
from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.evidence.run_history import RecordedFault
from gameday.analysis.impact.residual import thin_ends
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
    causes += [(t, "schedule") for t in _by_schedule(analysis, end.recovered) if began <= t and end.allows(t)]
    cleared = [event.t for event in analysis.run.journal.of(FaultReverted) if event.by == "cleanup"]
    causes += [(t, "cleanup") for t in cleared if began <= t <= end.recovered]
    if not causes:
        return "system", None
    t, who = max(causes)
    return who, t


def _by_schedule(analysis: Analysis, recovered: float) -> list[float]:
    """Return the times at which the timeline began to undo its own change or fault, by a revert or by a good release.

    A revert that was done long before the recovery didn't end the outage, nor did one while the fault that explains the
    outage, the last one before its effect, still stood.
    """
    run = analysis.run
    cause = _cause(analysis)
    stands = cause is not None and (cause.reverted is None or cause.reverted.t > recovered + PATIENCE_S)
    times = list(mended_by_schedule(run))
    for event in run.journal.of(FaultReverted):
        if event.by != "schedule" or recovered - event.t > PATIENCE_S:
            continue
        if cause is None or not stands or event.fault == cause.id:
            times.append(revert_ordered(run, event))
    return times


def _cause(analysis: Analysis) -> RecordedFault | None:
    """Return the fault that was ordered last before the effect of the last outage."""
    effect = analysis.outages[-1].effect + analysis.outages[-1].effect_error
    before = [fault for fault in analysis.run.faults if fault.t <= effect and fault.failed is None]
    return max(before, key=lambda fault: fault.t, default=None)


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
    if clocks.recovered is None and thin_ends(analysis):
        return Duration("not_measured")
    return _between(clocks.effect, clocks.recovered, analysis.run.end)
