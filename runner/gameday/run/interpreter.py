"""Runs the engine against the world: one mailbox, one loop, and threads only for what blocks.

The loop polls telemetry and the responder every 20 ms; the SLOs are looked at every half second, which takes its time,
and so runs in a thread of its own like every action that can block, and answers through the mailbox.
"""

from __future__ import annotations

import functools
import itertools
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gameday.operations import Operation
from gameday.ports import Health, Instance, PortError, View
from gameday.recording.atomic_file import full, unwritable
from gameday.recording.journal import Event
from gameday.run import engine, events
from gameday.run.run_context import World, plan_of
from gameday.run.slo_check import Look
from gameday.run.teardown import Ending
from gameday.run.timeline import Timeline
from gameday.system.operation_executor import Recovery

POLL = 0.02


class Interpreter:
    """One run. `run()` returns the engine's last state; `interrupt` may be called from a signal handler."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mailbox: queue.SimpleQueue[events.Event] = queue.SimpleQueue()
        self.state, self._first = engine.begin(plan_of(world))
        self._judge = Look(world)
        self._watching = False
        self._mute = False
        self._turned = time.monotonic()
        self._timeline = Timeline(world.scenario, world.operator, world.bind, world.defect, self._log)
        self._recovery = Recovery(world.operator)
        self._ending = Ending(world, self._timeline, self.state.plan.limits, self._log)
        self._seen: Mapping[str, Health] = {}
        self._numbers = itertools.count(1)
        self.accepted: dict[str, Operation] = {}
        """By id, every operation that was asked for."""
        self.why: dict[str, str] = {}
        """Of operations that failed."""

    def interrupt(self, signal: str) -> None:
        self.mailbox.put(events.Interrupted(self.world.clock.now(), signal))

    def request(self, operation: Operation) -> str:
        """What somebody on call wants done, from any thread; the id under which it will be told."""
        number = f"o{next(self._numbers)}"
        self.accepted[number] = operation
        self.mailbox.put(events.Requested(self.world.clock.now(), operation, number))
        return number

    def turning(self) -> bool:
        """Whether the loop goes round: a call that hangs in it would keep everything. Safe from any thread."""
        return self.state.phase == "done" or time.monotonic() - self._turned < self.state.plan.limits.turn

    def run(self) -> engine.State:
        self._turned = time.monotonic()
        for action in self._first:
            self._act(action)
        while self.state.phase != "done":
            try:
                self._turn()
            except Exception as error:
                self._failed(error)
        return self.state

    def _failed(self, error: Exception) -> None:
        """The loop goes on to the run's end, also where that can't be told at once."""
        failed = events.Failed(self.world.clock.now(), "engine", _why(error))
        try:
            self._step(failed)
        except Exception:
            self.mailbox.put(failed)

    def _turn(self) -> None:
        """One event, or, where there is none, a look at the world."""
        self._turned = time.monotonic()
        trouble = self.world.journal.trouble
        if trouble is not None and not self._mute:
            self._mute = True
            why = unwritable(trouble, self.world.journal.path)
            self._step(events.Failed(self.world.clock.now(), "journal", why))
        try:
            self._step(self.mailbox.get(timeout=POLL))
        except queue.Empty:
            self._look()
            self._step(events.Tick(self.world.clock.now(), self._waits()))
        self.world.screen.status(self.state, self.world.clock.now())

    def _waits(self) -> tuple[str, ...]:
        """What the start of the system waits for."""
        return self.world.operator.system.awaited.names() if self.state.phase == "up" else ()

    def _step(self, event: events.Event) -> None:
        """What follows from the event; the end of the run is begun and told whatever else of it failed."""
        self.state, actions = engine.step(self.state, event)
        ends = any(isinstance(each, events.Close) for each in actions)
        failed: Exception | None = None
        for action in actions:
            try:
                self._act(action)
            except Exception as error:
                if not ends:
                    raise
                failed = failed or error
        if failed:
            raise failed

    def _look(self) -> None:
        """What telemetry, load and responder have to say now, as events."""
        world, now = self.world, self.world.clock.now()
        if not self._watching or self.state.phase in ("down", "done"):
            return
        for alert in world.telemetry.poll(now):
            self._step(events.Raised(alert.t, alert))
        dead = world.load.alive()
        if dead is not None:
            self._step(events.Failed(now, "load", dead))
        if self._judge.due(now):
            self._spawn("look", functools.partial(self._report, self.state, now))
            self._notice_deaths()
        self._notice_regions()
        if self.state.phase == "fault":
            for operation in world.responder.poll(self.view(now)):
                number = f"o{next(self._numbers)}"
                self.accepted[number] = operation
                self._step(events.Requested(world.clock.now(), operation, number))

    def _report(self, state: engine.State, now: float) -> None:
        for event in self._judge.emit(state, now):
            self.mailbox.put(event)

    def _notice_deaths(self) -> None:
        """Journals instances that ended by themselves, and has them started again, as an orchestrator would."""
        system = self.world.operator.system
        for instance, why in () if system.closing.is_set() else system.substrate.died():
            about = {"service": instance.service, "region": instance.region, "release": instance.release}
            self._log("instance.died", instance.id, {**about, "why": why})
            self._spawn("restart", functools.partial(self._revive, instance), fatal=False)

    def _revive(self, instance: Instance) -> None:
        self.world.operator.system.revive(instance)

    def _notice_regions(self) -> None:
        """Journals what the edge's checks say newly of a region."""
        regions = self.world.sight.regions()
        for region, health in regions.items():
            known = self._seen.get(region)
            if known is None or (known.up, known.database, known.drained) != (
                health.up,
                health.database,
                health.drained,
            ):
                told = {"up": health.up, "database": health.database, "drained": health.drained}
                self._log("region.seen", region, told)
        self._seen = regions

    def view(self, now: float) -> View:
        """All that somebody on call sees."""
        operations = tuple((operation, is_) for _, operation, is_ in self.state.operations)
        operator = self.world.operator
        return View(
            now, self.state.alerts, operator.feed(), operations, self._seen, operator.system.primary()
        )

    def _act(self, action: events.Action) -> None:
        match action:
            case events.Log():
                self._log(action.kind, action.subject, action.data)
                if action.kind == "ack":
                    self.world.pages.taken(action.subject, str(action.data["by"]))
            case events.BringUp():
                self._spawn("start", self._bring_up)
            case events.StartLoad():
                self._spawn("load", self._start_load)
            case events.Calibrate():
                self.world.telemetry.calibrate(action.since)
            case events.Rearm():
                self.world.telemetry.rearm(action.since)
            case events.Page():
                self._log("page.delivered", action.alert.id, {"to": "screen"})
                self.world.pages.page(action.alert)
            case events.Order():
                self._spawn("timeline", lambda: self._enter(action.index))
            case events.Carry():
                self._spawn("operation", lambda: self._carry(action.id, action.operation))
            case events.Close():
                self._spawn("close", lambda: self._close(action.collect, action.at_once))

    def _log(self, kind: str, subject: str = "", data: Mapping[str, Any] | None = None) -> None:
        """Into the journal, durably where it says how to undo: what that isn't on disk for isn't done either."""
        event = Event(self.world.clock.now(), kind, subject, data or {})
        try:
            self.world.journal.append(event, durable=kind in ("fault.intended", "operation.intended"))
        except OSError as error:
            raise PortError(unwritable(error, self.world.journal.path)) from error

    def _spawn(self, where: str, work: Callable[[], None], *, fatal: bool = True) -> None:
        """Runs `work` in a thread; what it raises ends the run as an error of the tool, or is only noted."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                why = _why(error)
                if fatal:
                    self.mailbox.put(events.Failed(self.world.clock.now(), where, why))
                elif not self.world.operator.system.closing.is_set():
                    self._log("note", "", {"text": f"{where}: {why}", "by": "gameday"})

        threading.Thread(target=guarded, name=where, daemon=True).start()

    def _bring_up(self) -> None:
        self.world.operator.system.bring_up()
        self.mailbox.put(events.SystemUp(self.world.clock.now()))

    def _start_load(self) -> None:
        world, system = self.world, self.world.operator.system
        edge = system.instances(system.kind_of("router"))[0]
        host, port = system.substrate.address(edge)
        begin = world.load.start(f"http://{host}:{port}")
        self._log("load.started", "", {"planned_rate": world.scenario.load.rate})
        world.telemetry.start(world.load.shards(), world.addresses)
        world.sight.start()
        self._watching = True
        self.mailbox.put(events.LoadStarted(world.clock.now(), begin))

    def _enter(self, index: int) -> None:
        self._timeline.enter(index)
        self.mailbox.put(events.EntryEnded(self.world.clock.now(), index))

    def _carry(self, number: str, operation: Operation) -> None:
        change = self._timeline.next_change() if operation.name == "rollback" else ""
        try:
            taken = self._recovery.carry(operation, change)
        except PortError as error:
            self.why[number] = str(error)
            self._log("operation.failed", number, {"why": str(error)})
            self.mailbox.put(events.OperationEnded(self.world.clock.now(), number, False))
            return
        self._timeline.taken_back(taken)
        self._log("operation.done", number, {"change": taken} if taken else {})
        self.mailbox.put(events.OperationEnded(self.world.clock.now(), number, True))

    def _close(self, collect: bool, at_once: bool) -> None:
        left = self._ending.close(collect, at_once)
        self.mailbox.put(events.Closed(self.world.clock.now(), left))


def _why(error: Exception) -> str:
    """In words that need no knowledge of the code, where there are any."""
    if isinstance(error, OSError) and full(error):
        return unwritable(error, Path("the run's folder"))
    return str(error) if isinstance(error, PortError) else f"{type(error).__name__}: {error}"
