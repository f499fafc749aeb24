"""Phase transitions of the engine: what a tick changes, and how a run ends. Pure."""

from __future__ import annotations

from dataclasses import replace

from gameday.recording import journal_events
from gameday.recording.journal_events import JournalEvent, PhaseStarted
from gameday.run.events import BeginEntry, Calibrate, Log, Rearm, Resolve, TearDown, Tick, TornDown
from gameday.run.run_state import Reason, State, Step

MAX_NAMES = 8
"""How many of the instances that a run waits for an error message names."""
STAGES = {"up": "bring-up", "warm": "start of the load", "steady": "steady state"}
"""Phase → its name in error messages."""


def end_run(state: State, t: float, reason: Reason, *why: JournalEvent, judged: float | None = None) -> Step:
    """Enter the phase `down`: journal `why` and the reason, and begin the teardown."""
    ended = journal_events.RunEnded(reason=reason, judged=judged)
    logs = [Log(event) for event in (*why, ended, PhaseStarted("down"))]
    teardown = TearDown(collect=reason not in ("interrupted", "error"), at_once=reason == "stopped")
    state = replace(state, phase="down", reason=reason, waiting_for=(), changed_at=t)
    return state, (*logs, teardown)


def finish(state: State, event: TornDown) -> Step:
    """Enter the phase `done`, with what couldn't be torn down."""
    left = tuple(event.left)
    cleanup = journal_events.CleanupDone(clean=not left, left=left)
    return replace(state, phase="done", left=left), (Log(cleanup), Log(PhaseStarted("done")))


def tick_ending(state: State, event: Tick) -> Step:
    """Finish the run if its teardown exceeds its time-out; count the system as left behind."""
    if state.phase == "done" or event.t - state.changed_at < state.plan.timeouts.close:
        return state, ()
    waited = f"the teardown wasn't finished after {event.t - state.changed_at:.0f} s"
    return finish(state, TornDown(event.t, (*state.left, f"the system: {waited}")))


def tick(state: State, event: Tick) -> Step:
    """Advance a running phase: end it if it is overdue, enter the next one, begin due timeline entries."""
    plan, t = state.plan, event.t
    if event.waiting_for != state.waiting_for:
        state = replace(state, waiting_for=event.waiting_for, changed_at=t)
    overdue = why_overdue(state, t)
    if overdue:
        error = journal_events.RunError(where=STAGES[state.phase], why=overdue)
        return end_run(state, t, "error", error)
    if state.phase == "warm" and state.load_began is not None and t >= state.load_began + plan.warmup:
        steady = replace(state, phase="steady", steady_from=t, health=None)
        return steady, (Log(PhaseStarted("steady")), Rearm(t))
    if state.phase == "steady":
        return _tick_steady(state, t)
    if state.phase == "fault":
        return _tick_fault(state, t)
    return state, ()


def why_overdue(state: State, t: float) -> str:
    """Say how long the phase has waited beyond its time-out, and for what; return "" if it is in time.

    The phase `fault` has no time-out of its own: `giveUp` bounds it.
    """
    timeouts, waited = state.plan.timeouts, t - state.changed_at
    if state.phase == "up" and waited >= timeouts.up:
        return f"no progress for {waited:.0f} s, waiting for {_names(state.waiting_for) or 'the substrate'}"
    if state.phase == "warm" and state.load_began is None and waited >= timeouts.load:
        return f"waited {waited:.0f} s for {_names(state.waiting_for) or 'the load to begin'}"
    in_steady = t - (state.steady_from or 0.0)
    if state.phase == "steady" and not state.steady_met and in_steady >= state.plan.steady + timeouts.steady:
        judged = "never judged" if state.health is None else f"last judged at {state.health.t:.1f} s"
        return f"waited {in_steady:.0f} s for every SLO to be judged ({judged})"
    return ""


def _names(waiting_for: tuple[str, ...]) -> str:
    shown = ", ".join(waiting_for[:MAX_NAMES])
    return f"{shown} and {len(waiting_for) - MAX_NAMES} more" if len(waiting_for) > MAX_NAMES else shown


def _tick_steady(state: State, t: float) -> Step:
    """Begin the timeline once the steady state has lasted and every SLO held; end the run if one didn't hold."""
    if state.held:
        return state, ()
    if state.steady_met:
        fault = replace(state, phase="fault", timeline_zero=t, last_ended_at=t, last_entry_at=t)
        return fault, (Log(PhaseStarted("fault")),)
    since = state.steady_from or 0.0
    until = since + state.plan.steady
    if t < until or state.health is None or state.health.t < until:
        return state, ()
    page = f"{state.alerts[0].detector} paged for {state.alerts[0].slo}" if state.alerts else ""
    why = state.health.why_not_ok or page
    judged = journal_events.SteadyStateJudged(met=not why, why=why, since=since, until=t)
    if why:
        return end_run(state, t, "unsteady", judged)
    return replace(state, steady_met=True), (Log(judged), Calibrate(since))


def release(state: State, t: float) -> Step:
    """Let a held timeline begin; of one that is in progress, make the next entry due now."""
    if state.phase != "fault":
        return replace(state, released=True), ()
    pending = state.plan.entries[state.entries_begun :]
    if not pending:
        return state, ()
    return replace(state, timeline_zero=min(state.timeline_zero or 0.0, t - pending[0])), ()


def _tick_fault(state: State, t: float) -> Step:
    """Begin every timeline entry that is due; once all have begun, end the run if it is over."""
    zero = state.timeline_zero or 0.0
    due = [i for i, at in enumerate(state.plan.entries) if i >= state.entries_begun and t >= zero + at]
    if due:
        begun = replace(state, entries_begun=due[-1] + 1, last_entry_at=t)
        return begun, tuple(BeginEntry(index) for index in due)
    reason = _reason_to_end(state, t) if state.entries_begun == len(state.plan.entries) else None
    if reason is None:
        return _resolve_pages(state, t)
    judged = state.health.end if state.health is not None and reason in ("held", "no_effect") else None
    return end_run(state, t, reason, judged=judged)


def _resolve_pages(state: State, t: float) -> Step:
    """Resolve the open pages and let detectors raise again once every SLO has held for a window since the last alert."""
    health = state.health
    if state.last_alert_at is None or health is None or health.holding_since is None:
        return state, ()
    if health.end - max(health.holding_since, state.last_alert_at) < state.plan.window:
        return state, ()
    resolved = [Resolve(alert.id) for alert in state.open_pages]
    armed = replace(state, open_pages=(), alerts=(), last_alert_at=None)
    return armed, (*resolved, Rearm(t))


def _reason_to_end(state: State, t: float) -> Reason | None:
    """Return why the run is over: recovered and held, without any effect, or given up; None if it goes on."""
    health, plan = state.health, state.plan
    since = health.holding_since if health is not None else None
    quiet_from = state.last_ended_at if since is None else max(since, state.last_ended_at)
    if not state.busy and health is not None and since is not None and health.unsettled_well:
        quiet = health.end - quiet_from
        if health.breached and quiet >= plan.hold:
            return "held"
        if not health.breached and quiet >= max(plan.hold, plan.window):
            return "no_effect"
    deadline = state.last_entry_at + plan.give_up
    recovered_late = since is None or since > deadline
    last_chance = deadline + plan.hold + plan.window + plan.lookback
    if t >= deadline and (recovered_late or t >= last_chance):
        return "give_up"
    return None
