"""Runs the engine against the world: one mailbox, one loop, and threads only for what blocks.

The loop polls telemetry and the responder every 20 ms and the SLOs every half second; every action that can block runs
in a thread of its own and answers through the mailbox.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner import engine, messages
from runner.clock import Clock
from runner.journal import Event, Journal
from runner.operations import Operation
from runner.operator import Operator, Strategy
from runner.ports import Load, PortError, Responder, Telemetry, View
from runner.samples import Samples
from runner.scenario import Entry, Scenario
from runner.slo import course, holding_since

POLL = 0.02
HEALTH = 0.5


class Screen(Protocol):
    """Where people follow a run; see `runner.screen`."""

    def status(self, state: engine.State, now: float) -> None: ...


@dataclass(frozen=True)
class World:
    """All that the engine's actions touch."""

    scenario: Scenario
    operator: Operator
    load: Load
    telemetry: Telemetry
    responder: Responder
    journal: Journal
    clock: Clock
    samples: Callable[[], Samples]
    addresses: Callable[[], Mapping[str, tuple[str, int]]]
    collect: Callable[[], Mapping[str, Any]]
    defect: Callable[[str], str | None]
    """What is wrong with a release; asked only to write the journal's fault."""
    screen: Screen
    down: Callable[[bool], Sequence[str]]
    """Ends the run's hold on the system: told whether all went well; what couldn't be removed."""
    jitter: float = 0.0
    """Seconds added to the steady state."""


def plan_of(scenario: Scenario, jitter: float) -> engine.Plan:
    return engine.Plan(
        warmup=scenario.load.warmup,
        steady=scenario.steady_state.for_ + jitter,
        entries=tuple(entry.at for entry in scenario.timeline),
        hold=scenario.hold,
        give_up=scenario.give_up,
        window=max(slo.window for slo in scenario.slos),
        lookback=scenario.load.timeout,
    )


class Interpreter:
    """One run. `run()` returns the engine's last state; `interrupt` may be called from a signal handler."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mailbox: queue.SimpleQueue[messages.Event] = queue.SimpleQueue()
        self.state, self._first = engine.begin(plan_of(world.scenario, world.jitter))
        self._health_due = 0.0
        self._watching = False
        self._mute = False
        self._lock = threading.Lock()
        self._changes = 0
        self._faulty: dict[str, str] = {}

    def interrupt(self, signal: str) -> None:
        self.mailbox.put(messages.Interrupted(self.world.clock.now(), signal))

    def run(self) -> engine.State:
        for action in self._first:
            self._act(action)
        while self.state.phase != "done":
            try:
                self._turn()
            except Exception as error:
                why = str(error) if isinstance(error, PortError) else f"{type(error).__name__}: {error}"
                self._step(messages.Failed(self.world.clock.now(), "engine", why))
        return self.state

    def _turn(self) -> None:
        """One event, or, where there is none, a look at the world."""
        try:
            self._step(self.mailbox.get(timeout=POLL))
        except queue.Empty:
            self._look()
            self._step(messages.Tick(self.world.clock.now()))
        self.world.screen.status(self.state, self.world.clock.now())

    def _step(self, event: messages.Event) -> None:
        self.state, actions = engine.step(self.state, event)
        for action in actions:
            self._act(action)

    def _look(self) -> None:
        """What telemetry, load and responder have to say now, as events."""
        world, now = self.world, self.world.clock.now()
        if not self._watching or self.state.phase in ("down", "done"):
            return
        for alert in world.telemetry.poll(now):
            self._step(messages.Raised(alert.t, alert))
        dead = world.load.alive()
        if dead is not None:
            self._step(messages.Failed(now, "load", dead))
        if now >= self._health_due:
            self._health_due = now + HEALTH
            self._step(self._health(now))
            for instance, why in world.operator.died():
                about = {"service": instance.service, "region": instance.region, "release": instance.release}
                self._log("instance.died", instance.id, {**about, "why": why})
        if self.state.phase == "fault" and self.state.alerts:
            for operation in world.responder.poll(self._view(now)):
                self._step(messages.Requested(world.clock.now(), operation))

    def _view(self, now: float) -> View:
        operations = tuple((operation, is_) for _, operation, is_ in self.state.operations)
        return View(now, self.state.alerts, self.world.operator.feed(), operations)

    def _health(self, now: float) -> messages.Health:
        """Judged on what is known for sure: requests whose time-out has passed, or in steady state all answered."""
        state, slos = self.state, self.world.scenario.slos
        since = state.start if state.start is not None else state.steady_from
        if since is None:
            return messages.Health(now, now, "no requests yet", False, None)
        end = now - (state.plan.lookback if state.start is not None else 0.25)
        samples = self.world.samples()
        courses = [course(slo, samples, since, end) for slo in slos]
        bad = [f"{each.name} is in breach ({each.bad} of {each.n} bad)" for each in courses if each.outages]
        held = holding_since(slos, samples, since, end) if end > since else None
        unknown = "" if bad or held is not None else "an SLO has too few requests to be judged"
        return messages.Health(now, end, "; ".join(bad) or unknown, bool(bad), held)

    def _act(self, action: messages.Action) -> None:
        match action:
            case messages.Log():
                self._log(action.kind, action.subject, action.data)
            case messages.BringUp():
                self._spawn("start", self._bring_up)
            case messages.StartLoad():
                self._spawn("load", self._start_load)
            case messages.Calibrate():
                self.world.telemetry.calibrate(action.since)
            case messages.Rearm():
                self.world.telemetry.rearm(action.since)
            case messages.Page():
                self._log("page.delivered", action.alert.id, {"to": "screen"})
            case messages.Order():
                self._spawn("timeline", lambda: self._enter(action.index))
            case messages.Carry():
                self._spawn("operation", lambda: self._carry(action.id, action.operation))
            case messages.Close():
                self._spawn("close", lambda: self._close(action.collect))

    def _log(self, kind: str, subject: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Into the journal, durably where it says how to undo. A full disk ends the run as an error, once."""
        event = Event(self.world.clock.now(), kind, subject, data or {})
        try:
            self.world.journal.append(event, durable=kind in ("fault.intended", "operation.intended"))
        except OSError as error:
            if not self._mute:
                self._mute = True
                self.mailbox.put(messages.Failed(event.t, "journal", f"can't be written: {error}"))

    def _spawn(self, where: str, work: Callable[[], None]) -> None:
        """Runs `work` in a thread; whatever it raises ends the run as an error of the tool, with its place."""

        def guarded() -> None:
            try:
                work()
            except PortError as error:
                self.mailbox.put(messages.Failed(self.world.clock.now(), where, str(error)))
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                self.mailbox.put(messages.Failed(self.world.clock.now(), where, why))

        threading.Thread(target=guarded, name=where, daemon=True).start()

    def _bring_up(self) -> None:
        self.world.operator.bring_up()
        self.mailbox.put(messages.SystemUp(self.world.clock.now()))

    def _start_load(self) -> None:
        world = self.world
        host, port = world.operator.edge()
        begin = world.load.start(f"http://{host}:{port}")
        self._log("load.started", "", {"planned_rate": world.scenario.load.rate})
        world.telemetry.start(world.load.shards(), world.addresses)
        self._watching = True
        self.mailbox.put(messages.LoadStarted(world.clock.now(), begin))

    def _enter(self, index: int) -> None:
        """Carries out one entry of the timeline; a failed deploy is part of the story, not of the tool's."""
        entry = self.world.scenario.timeline[index]
        change, fault = self._next_change(), f"f{index + 1}"
        defect = self.world.defect(entry.spec.release)
        if defect:
            self._faulty[change] = fault
            service = entry.spec.release.rpartition("-")[0]
            data = {"kind": "bad-deploy", "target": service, "entry": index, "change": change, "defect": defect}
            self._log("fault.intended", fault, {**data, "undo": {"rollback": change}})
        done = self._deploy(entry, change)
        if defect:
            self._log("fault.injected" if done else "fault.failed", fault, {})
        self.mailbox.put(messages.EntryEnded(self.world.clock.now(), index))

    def _deploy(self, entry: Entry, change: str) -> bool:
        strategy: Strategy = entry.spec.strategy
        try:
            self.world.operator.deploy(change, entry.spec.release, strategy, entry.spec.pause, "timeline")
        except PortError:
            return False
        return True

    def _carry(self, number: str, operation: Operation) -> None:
        try:
            self._operate(operation)
        except PortError as error:
            self._log("operation.failed", number, {"why": str(error)})
            self.mailbox.put(messages.OperationEnded(self.world.clock.now(), number, False))
            return
        if operation.name == "rollback" and operation.change in self._faulty:
            self._log("fault.reverted", self._faulty[operation.change], {"by": "responder"})
        self._log("operation.done", number, {})
        self.mailbox.put(messages.OperationEnded(self.world.clock.now(), number, True))

    def _operate(self, operation: Operation) -> None:
        if operation.name != "rollback" or operation.change is None:
            raise PortError(f"operation {operation.name!r} isn't known to this system")
        self.world.operator.rollback(self._next_change(), operation.change, operation.by)

    def _next_change(self) -> str:
        with self._lock:
            self._changes += 1
            return f"c{self._changes}"

    def _close(self, collect: bool) -> None:
        """Load, audit, system: each is ended even where the one before failed, and the run always comes to its end."""
        steps: Sequence[tuple[str, Callable[[], Mapping[str, Any]]]] = (
            ("load.stopped", self.world.load.stop),
            ("telemetry.stopped", self._stop_telemetry),
            ("audit", self.world.collect if collect else dict),
        )
        for kind, work in steps:
            try:
                result = work()
            except Exception as error:
                self._log("run.error", "", {"where": kind, "why": f"{type(error).__name__}: {error}"})
            else:
                if result:
                    self._log(kind, "", result)
        standing = set(self._faulty.values()) - self._reverted()
        try:
            left = tuple(self.world.down(collect))
        except Exception as error:
            left = (f"the system could not be taken down: {type(error).__name__}: {error}",)
        for fault in sorted(standing) if not left else ():
            self._log("fault.reverted", fault, {"by": "cleanup"})
        self.mailbox.put(messages.Closed(self.world.clock.now(), left))

    def _reverted(self) -> set[str]:
        done = {o.change for _, o, is_ in self.state.operations if o.name == "rollback" and is_ == "done"}
        return {fault for change, fault in self._faulty.items() if change in done}

    def _stop_telemetry(self) -> Mapping[str, Any]:
        self.world.telemetry.stop()
        return {}
