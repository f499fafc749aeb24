"""Suspects of a recorded run: the changes in flight, ranked by what was known when somebody acted."""

from __future__ import annotations

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.evidence.run_history import RecordedChange
from gameday.analysis.model.evidence_models import SuspectResult
from gameday.operations import Change, ChangeState
from gameday.slo.suspects import Window, suspects


def likely_changes(analysis: Analysis) -> tuple[SuspectResult, ...]:
    """Return the suspects at the first operation after the effect; without one, at the recovery or the end of the load.

    Empty if no SLO was broken, or nothing changed.
    """
    run, effect = analysis.run, analysis.clocks.effect
    if effect is None or run.steady_from is None:
        return ()
    acts = [one.t for one in analysis.operations if one.t >= effect and one.name not in ("ack", "note")]
    until = min(acts, default=analysis.until)
    feed = [_change(change, until) for change in run.changes if change.t <= until]
    ranked = suspects(feed, run.scenario.slos, run.samples, Window(run.steady_from, until))
    return tuple(
        SuspectResult(
            change=one.change,
            release=one.release,
            odds=one.odds,
            bad=one.bad,
            requests=one.requests,
            bad_without=one.bad_without,
            requests_without=one.requests_without,
        )
        for one in ranked
    )


def _change(change: RecordedChange, until: float) -> Change:
    """Return a change as it stood in the feed at that time."""
    started = change.started
    what = (started.service, started.release, started.previous, started.kind, started.summary, started.by)
    return Change(change.id, change.t, *what, _state(change, until), started.rollback_of)


def _state(change: RecordedChange, until: float) -> ChangeState:
    if change.failed and change.failed.t <= until:
        return "refused" if change.failed.refused else "failed"
    if change.done and change.done.t <= until:
        return "rolled-back" if change.done.cancelled else "done"
    return "running"
