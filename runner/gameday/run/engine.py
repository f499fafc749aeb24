"""The engine of a run: a pure `step(state, event) → (state, actions)`.

Phases: up → warm → steady → fault → down → done. The interpreter owns time, threads and I/O. The engine neither
blocks nor reads nor sends, so a whole run can be replayed in milliseconds with a hand-made clock.
"""

from __future__ import annotations

from dataclasses import replace

from gameday.recording import journal_events
from gameday.run.events import (
    AbortConditionMet,
    Action,
    AlertRaised,
    BringUp,
    EntryEnded,
    Event,
    Execute,
    Failed,
    Health,
    Interrupted,
    LoadStarted,
    Log,
    OperationEnded,
    OperationRequested,
    Page,
    Rearm,
    StartLoad,
    SystemUp,
    Tick,
    TimelineReleased,
    TornDown,
)
from gameday.run.phases import end_run, finish, release, tick, tick_ending
from gameday.run.run_state import Plan, State, Step

TOO_EARLY = "no page and no SLO in breach yet"
"""Why an operation is refused before the fault, and in a drill before its effect."""


def begin(plan: Plan) -> Step:
    """Return the first state of a run, and its first actions."""
    return State(plan), (Log(journal_events.PhaseStarted("up")), BringUp())


def step(state: State, event: Event) -> Step:
    """Return the next state and what to do now. An event that arrives after the run's end changes nothing."""
    if isinstance(event, TornDown):
        return finish(state, event)
    if state.phase in ("down", "done"):
        return tick_ending(state, event) if isinstance(event, Tick) else (state, ())
    match event:
        case Interrupted():
            interrupted = journal_events.RunInterrupted(signal=event.signal)
            return end_run(state, event.t, "interrupted", interrupted)
        case Failed():
            error = journal_events.RunError(where=event.where, why=event.why)
            return end_run(state, event.t, "error", error)
        case AbortConditionMet():
            return _abort(state, event)
        case SystemUp():
            warm = replace(state, phase="warm", waiting_for=(), changed_at=event.t)
            return warm, (Log(journal_events.PhaseStarted("warm")), StartLoad())
        case LoadStarted():
            return replace(state, load_began=event.begin), ()
        case Health():
            return replace(state, health=event), ()
        case AlertRaised():
            return _take_alert(state, event)
        case OperationRequested():
            return _take_request(state, event)
        case EntryEnded():
            ended = state.entries_ended | {event.index}
            return replace(state, entries_ended=ended, last_ended_at=max(state.last_ended_at, event.t)), ()
        case OperationEnded():
            return _end_operation(state, event)
        case TimelineReleased():
            return release(state, event.t)
        case Tick():
            return tick(state, event)


def _abort(state: State, event: AbortConditionMet) -> Step:
    """End the run at once if its timeline runs; before that the run has done nothing that could be aborted."""
    if state.phase != "fault":
        return state, ()
    stopped = journal_events.RunStopped(expr=event.expr, values=dict(event.values))
    return end_run(state, event.t, "stopped", stopped)


def _take_alert(state: State, event: AlertRaised) -> Step:
    """Journal an alert and page if it pages; ignore alerts of the warm-up."""
    alert = event.alert
    if state.phase == "warm":
        return state, ()
    actions: list[Action] = [Log(journal_events.AlertRaised.of(alert))]
    state = replace(state, alerts_raised=state.alerts_raised + 1, last_alert_at=event.t)
    if alert.pages:
        actions.append(Page(alert))
        pages = (*state.open_pages, alert)
        state = replace(
            state, alerts=(*state.alerts, alert), open_pages=pages, pages_raised=state.pages_raised + 1
        )
    return state, tuple(actions)


def _take_request(state: State, event: OperationRequested) -> Step:
    """Execute a requested operation, or refuse it if it comes too early; journal acknowledgements, diagnoses and notes."""
    operation = event.operation
    number = event.id or f"o{len(state.operations) + 1}"

    def recorded(status: str) -> State:
        return replace(state, operations=(*state.operations, (number, operation, status)))

    if operation.name == "ack":
        taken = journal_events.AlertAcknowledged(operation.target, by=operation.by)
        return recorded("done"), (Log(taken),)
    if operation.name == "diagnose":
        given = journal_events.DiagnosisGiven(operation.target, by=operation.by, text=operation.text)
        return recorded("done"), (Log(given),)
    if operation.name == "note":
        return recorded("done"), (Log(journal_events.Note(text=operation.text, by=operation.by)),)
    if not state.accepts_operations:
        text = f"{operation.name} by {operation.by} refused: {TOO_EARLY}"
        return recorded("refused"), (Log(journal_events.Note(text=text, by="gameday")),)
    intended = journal_events.OperationIntended(
        number, name=operation.name, target=operation.target, by=operation.by, change=operation.change
    )
    return recorded("running"), (Log(intended), Execute(number, operation))


def _end_operation(state: State, event: OperationEnded) -> Step:
    """Record an operation's result; clear the alerts and let detectors raise again."""
    operations = tuple(
        (number, operation, ("done" if event.ok else "failed") if number == event.id else status)
        for number, operation, status in state.operations
    )
    last = max(state.last_ended_at, event.t)
    return replace(state, operations=operations, alerts=(), last_ended_at=last), (Rearm(event.t),)
