"""What a run does next: a pure `step(state, event) → (state, actions)`.

Phases: up → warm → steady → fault → down → done. The interpreter owns time, threads and the world; here nothing blocks,
nothing is read and nothing is sent, so that a whole run can be replayed in milliseconds with a hand-made clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gameday.operations import Alert, Operation
from gameday.run.events import (
    Action,
    BringUp,
    Calibrate,
    Carry,
    Close,
    Closed,
    EntryEnded,
    Event,
    Failed,
    Health,
    Interrupted,
    LoadStarted,
    Log,
    OperationEnded,
    Order,
    Page,
    Raised,
    Rearm,
    Requested,
    StartLoad,
    Stop,
    SystemUp,
    Tick,
)
from gameday.run.timeouts import LIMITS, Limits

Phase = Literal["up", "warm", "steady", "fault", "down", "done"]
MOST_NAMED = 8
TOO_EARLY = "there is nothing to be seen yet that it could mend"
Reason = Literal["held", "no_effect", "give_up", "unsteady", "stopped", "interrupted", "error"]


@dataclass(frozen=True)
class Plan:
    """The times of a scenario, in seconds. `entries` are the `at`s of the timeline, from the end of steady state."""

    warmup: float
    steady: float
    entries: tuple[float, ...]
    hold: float
    give_up: float
    window: float
    lookback: float
    """How old a request must be for its answer to be known: the client's time-out."""
    secret: bool = False
    """A drill: an operation that comes before anything is to be seen is refused alike before and after the fault."""
    limits: Limits = LIMITS


@dataclass(frozen=True)
class State:
    """Everything the engine knows. Times in seconds since the run's start; None = not yet."""

    plan: Plan
    phase: Phase = "up"
    waits: tuple[str, ...] = ()
    """What the phase waits for, as far as that is known."""
    moved: float = 0.0
    """When the phase or what it waits for last changed."""
    loaded: float | None = None
    steady_from: float | None = None
    met: bool = False
    """The steady state was met; detectors have learnt from it, which takes a moment, by the next tick."""
    start: float | None = None
    """When the steady state was met: the zero of the timeline."""
    ordered: int = 0
    last_order: float = 0.0
    ended: frozenset[int] = frozenset()
    last_end: float = 0.0
    health: Health | None = None
    alerts: tuple[Alert, ...] = ()
    """Raised and not yet answered by an operation that has ended."""
    raised: int = 0
    """All alerts since the steady state began."""
    paged: int = 0
    """Those of them that page."""
    operations: tuple[tuple[str, Operation, str], ...] = ()
    """(id, operation, running | done | failed | refused)."""
    reason: Reason | None = None
    left: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Operations are carried out now: the timeline runs, and in a drill something is to be seen of it."""
        seen = self.paged > 0 or (self.health is not None and self.health.breached)
        return self.phase == "fault" and (seen or not self.plan.secret)

    @property
    def busy(self) -> bool:
        """An entry or an operation is under way or still to come."""
        waiting = len(self.ended) < len(self.plan.entries)
        return waiting or any(state == "running" for _, _, state in self.operations)


Step = tuple[State, tuple[Action, ...]]


def begin(plan: Plan) -> Step:
    return State(plan), (Log("phase", "up"), BringUp())


def step(state: State, event: Event) -> Step:
    """The next state, and what to do now. Events that come too late (after `down`) change nothing but are no error."""
    if isinstance(event, Closed):
        left = tuple(event.left)
        log = Log("cleanup", data={"clean": not left, "left": list(left)})
        return replace(state, phase="done", left=left), (log, Log("phase", "done"))
    if state.phase in ("down", "done"):
        return _closing(state, event) if isinstance(event, Tick) else (state, ())
    match event:
        case Interrupted():
            return _close(
                state, event.t, "interrupted", Log("run.interrupted", data={"signal": event.signal})
            )
        case Failed():
            return _close(
                state, event.t, "error", Log("run.error", data={"where": event.where, "why": event.why})
            )
        case Stop():
            return _stop(state, event)
        case SystemUp():
            return replace(state, phase="warm", waits=(), moved=event.t), (Log("phase", "warm"), StartLoad())
        case LoadStarted():
            return replace(state, loaded=event.begin), ()
        case Health():
            return replace(state, health=event), ()
        case Raised():
            return _raised(state, event)
        case Requested():
            return _requested(state, event)
        case EntryEnded():
            return replace(
                state, ended=state.ended | {event.index}, last_end=max(state.last_end, event.t)
            ), ()
        case OperationEnded():
            return _operation_ended(state, event)
        case Tick():
            return _tick(state, event)


def _stop(state: State, event: Stop) -> Step:
    """Only what the timeline did can be stopped: before it nothing was done to the system."""
    if state.phase != "fault":
        return state, ()
    log = Log("run.stopped", data={"expr": event.expr, "values": dict(event.values)})
    return _close(state, event.t, "stopped", log)


def _raised(state: State, event: Raised) -> Step:
    alert = event.alert
    if state.phase == "warm":
        return state, ()
    data = {
        "detector": alert.detector,
        "side": alert.side,
        "pages": alert.pages,
        "slo": alert.slo,
        "region": alert.region,
        "journey": alert.journey,
        "summary": alert.summary,
    }
    actions: list[Action] = [Log("alert.raised", alert.id, data)]
    state = replace(state, raised=state.raised + 1)
    if alert.pages:
        actions.append(Page(alert))
        state = replace(state, alerts=(*state.alerts, alert), paged=state.paged + 1)
    return state, tuple(actions)


def _requested(state: State, event: Requested) -> Step:
    operation = event.operation
    number = event.id or f"o{len(state.operations) + 1}"
    if operation.name in ("ack", "note"):
        done = (*state.operations, (number, operation, "done"))
        kind, subject = ("ack", operation.target) if operation.name == "ack" else ("note", "")
        said = {"text": operation.text} if operation.name == "note" else {}
        return replace(state, operations=done), (Log(kind, subject, {**said, "by": operation.by}),)
    if not state.open:
        refused = (*state.operations, (number, operation, "refused"))
        text = f"{operation.name} by {operation.by} refused: {TOO_EARLY}"
        return replace(state, operations=refused), (Log("note", "", {"text": text, "by": "gameday"}),)
    data = {
        "name": operation.name,
        "target": operation.target,
        "by": operation.by,
        "change": operation.change,
    }
    running = (*state.operations, (number, operation, "running"))
    log = Log("operation.intended", number, data)
    return replace(state, operations=running), (log, Carry(number, operation))


def _operation_ended(state: State, event: OperationEnded) -> Step:
    ended = tuple(
        (number, operation, ("done" if event.ok else "failed") if number == event.id else is_)
        for number, operation, is_ in state.operations
    )
    state = replace(state, operations=ended, alerts=(), last_end=max(state.last_end, event.t))
    return state, (Rearm(event.t),)


def _tick(state: State, event: Tick) -> Step:
    plan, t = state.plan, event.t
    if event.waits != state.waits:
        state = replace(state, waits=event.waits, moved=t)
    overdue = _overdue(state, t)
    if overdue:
        return _close(
            state, t, "error", Log("run.error", data={"where": _NAMES[state.phase], "why": overdue})
        )
    if state.phase == "warm" and state.loaded is not None and t >= state.loaded + plan.warmup:
        return replace(state, phase="steady", steady_from=t, health=None), (Log("phase", "steady"), Rearm(t))
    if state.phase == "steady":
        return _steady(state, t)
    if state.phase == "fault":
        due = [
            i for i, at in enumerate(plan.entries) if i >= state.ordered and t >= (state.start or 0.0) + at
        ]
        if due:
            return replace(state, ordered=due[-1] + 1, last_order=t), tuple(Order(i) for i in due)
        return _ending(state, t)
    return state, ()


_NAMES = {"up": "bring-up", "warm": "start of the load", "steady": "steady state"}


def _overdue(state: State, t: float) -> str:
    """Why the phase can't go on: how long it waited, and for what. The timeline's is bounded by `_ending`."""
    limits = state.plan.limits
    if state.phase == "up" and t - state.moved >= limits.up:
        return (
            f"nothing new for {t - state.moved:.0f} s, waiting for {_listed(state.waits) or 'the substrate'}"
        )
    if state.phase == "warm" and state.loaded is None and t - state.moved >= limits.load:
        return f"waited {t - state.moved:.0f} s for {_listed(state.waits) or 'the load to begin'}"
    since = state.steady_from or 0.0
    if state.phase == "steady" and not state.met and t - since >= state.plan.steady + limits.steady:
        judged = "never" if state.health is None else f"last at {state.health.t:.1f} s"
        return f"waited {t - since:.0f} s for every SLO to be judged ({judged} judged)"
    return ""


def _listed(waits: tuple[str, ...]) -> str:
    shown = ", ".join(waits[:MOST_NAMED])
    return f"{shown} and {len(waits) - MOST_NAMED} more" if len(waits) > MOST_NAMED else shown


def _steady(state: State, t: float) -> Step:
    """Leaves steady state when it has lasted and the SLOs held; ends the run where they didn't."""
    since = state.steady_from or 0.0
    if state.met:
        return replace(state, phase="fault", start=t, last_end=t, last_order=t), (Log("phase", "fault"),)
    if t < since + state.plan.steady or state.health is None or state.health.t < since + state.plan.steady:
        return state, ()
    page = f"{state.alerts[0].detector} paged for {state.alerts[0].slo}" if state.alerts else ""
    why = state.health.why_not_ok or page
    log = Log("steady", data={"met": not why, "why": why, "since": since, "until": t})
    if why:
        return _close(state, t, "unsteady", log)
    return replace(state, met=True), (log, Calibrate(since))


def _ending(state: State, t: float) -> Step:
    """Ends the run once it has held, once nothing came of it, or once it must be given up, whatever is still busy."""
    health, plan = state.health, state.plan
    if state.ordered < len(plan.entries):
        return state, ()
    since = health.holding_since if health is not None else None
    quiet_from = state.last_end if since is None else max(since, state.last_end)
    if not state.busy and health is not None and since is not None:
        if health.breached and health.end - quiet_from >= plan.hold:
            return _close(state, t, "held")
        if not health.breached and health.end - quiet_from >= max(plan.hold, plan.window):
            return _close(state, t, "no_effect")
    deadline = state.last_order + plan.give_up
    if t >= deadline and (
        since is None or since > deadline or t >= deadline + plan.hold + plan.window + plan.lookback
    ):
        return _close(state, t, "give_up")
    return state, ()


def _close(state: State, t: float, reason: Reason, *logs: Log) -> Step:
    ended = Log("run.ended", data={"reason": reason})
    close = Close(collect=reason not in ("interrupted", "error"), at_once=reason == "stopped")
    state = replace(state, phase="down", reason=reason, waits=(), moved=t)
    return state, (*logs, ended, Log("phase", "down"), close)


def _closing(state: State, event: Tick) -> Step:
    """The end of a run has its time as well: what it didn't get done by then is left."""
    if state.phase == "done" or event.t - state.moved < state.plan.limits.close:
        return state, ()
    waited = f"the end of the run wasn't over after {event.t - state.moved:.0f} s"
    return step(state, Closed(event.t, (*state.left, f"the system: {waited}")))
