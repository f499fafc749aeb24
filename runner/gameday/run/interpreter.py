"""Interpreter of the engine: one mailbox, one loop, and a thread for each action that can block.

The loop polls telemetry and the responder every 20 ms, however many events arrive. Actions that can block, the SLO
check every half second and the look for dead instances run in threads of their own and answer through the mailbox.
"""

from __future__ import annotations

import functools
import itertools
import queue
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gameday.operations import Operation
from gameday.ports import Health, Instance, PortError, View
from gameday.recording.atomic_file import full, unwritable
from gameday.recording.journal_events import (
    AlertAcknowledged,
    AlertResolved,
    FaultIntended,
    InstanceDied,
    JournalEvent,
    LoadStarted,
    Note,
    OperationDone,
    OperationFailed,
    OperationIntended,
    PageDelivered,
    RegionSeen,
)
from gameday.run import engine, events
from gameday.run.run_context import RunContext, plan_of
from gameday.run.run_state import State
from gameday.run.slo_check import SloCheck
from gameday.run.suspect_ranking import SuspectRanking
from gameday.run.teardown import Teardown
from gameday.run.timeline import Timeline
from gameday.run.worker_threads import WorkerThreads
from gameday.system.operation_executor import OperationExecutor

POLL_S = 0.02
DURABLE = FaultIntended | OperationIntended
"""Events that say how to undo what comes next: fsynced first."""


class Interpreter:
    """Runs one scenario. `run` returns the engine's last state; `interrupt` may be called from a signal handler."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.mailbox: queue.SimpleQueue[events.Event] = queue.SimpleQueue()
        self.state, self._first_actions = engine.begin(plan_of(context))
        self._slo_check = SloCheck(context)
        self._suspects = SuspectRanking(context)
        self._watching = False
        self._journal_failed = False
        self._turned_at = time.monotonic()
        self._polled_at = -POLL_S
        self._workers = WorkerThreads(self._report)
        self._timeline = Timeline(context.scenario, context.deployer, context.bind, context.defect, self._log)
        self._executor = OperationExecutor(context.deployer)
        self._teardown = Teardown(
            context, self._timeline, self.state.plan.timeouts, self._log, self._workers.settled
        )
        self._regions: Mapping[str, Health] = {}
        self._numbers = itertools.count(1)
        self.accepted: dict[str, Operation] = {}
        """Id → operation, of every operation requested so far."""
        self.why_failed: dict[str, str] = {}
        """Id of a failed operation → why it failed."""

    def interrupt(self, signal: str) -> None:
        """End the run because of a signal."""
        self.mailbox.put(events.Interrupted(self.context.clock.now(), signal))

    def request(self, operation: Operation) -> str:
        """Request an operation; return its id. Thread-safe."""
        number = f"o{next(self._numbers)}"
        self.accepted[number] = operation
        self.mailbox.put(events.OperationRequested(self.context.clock.now(), operation, number))
        return number

    def release(self) -> None:
        """Begin the next entry of the timeline now, on the facilitator's word. Thread-safe."""
        self.mailbox.put(events.TimelineReleased(self.context.clock.now()))

    def turning(self) -> bool:
        """Return False if the loop hangs in a call; True also once the run is over. Thread-safe."""
        timeout = self.state.plan.timeouts.turn
        return self.state.phase == "done" or time.monotonic() - self._turned_at < timeout

    def run(self) -> State:
        """Run the scenario to its end. Raise nothing: every failure ends the run as an error."""
        self._turned_at = time.monotonic()
        for action in self._first_actions:
            self._act(action)
        while self.state.phase != "done":
            try:
                self._turn()
            except Exception as error:
                self._fail(error)
        return self.state

    def _fail(self, error: Exception) -> None:
        """End the run as an error; try again on the next turn if even that fails."""
        failed = events.Failed(self.context.clock.now(), "engine", _reason(error))
        try:
            self._step(failed)
        except Exception:
            self.mailbox.put(failed)

    def _turn(self) -> None:
        """Take one event from the mailbox; poll the world if there is none, or if it is time to."""
        self._turned_at = time.monotonic()
        trouble = self.context.journal.trouble
        if trouble is not None and not self._journal_failed:
            self._journal_failed = True
            why = unwritable(trouble, self.context.journal.path)
            self._step(events.Failed(self.context.clock.now(), "journal", why))
        with suppress(queue.Empty):
            self._step(self.mailbox.get(timeout=POLL_S))
        if time.monotonic() - self._polled_at >= POLL_S:
            self._poll()
            self._step(events.Tick(self.context.clock.now(), self._waiting_for()))
            self._polled_at = time.monotonic()
        self.context.screen.status(self.state, self.context.clock.now())

    def _waiting_for(self) -> tuple[str, ...]:
        """Return what the bring-up is waiting for."""
        return self.context.deployer.system.startup.names() if self.state.phase == "up" else ()

    def _step(self, event: events.Event) -> None:
        """Advance the engine and carry out its actions. A teardown begins even if the actions before it raise."""
        self.state, actions = engine.step(self.state, event)
        tears_down = any(isinstance(action, events.TearDown) for action in actions)
        first_error: Exception | None = None
        for action in actions:
            try:
                self._act(action)
            except Exception as error:
                if not tears_down:
                    raise
                first_error = first_error or error
        if first_error:
            raise first_error

    def _poll(self) -> None:
        """Turn what telemetry, load and responder report into events."""
        context, now = self.context, self.context.clock.now()
        if not self._watching or self.state.phase in ("down", "done"):
            return
        for alert in context.telemetry.poll(now):
            self._step(events.AlertRaised(alert.t, alert))
        why_dead = context.load.alive()
        if why_dead is not None:
            self._step(events.Failed(now, "load", why_dead))
        if self._slo_check.claim(now):
            self._workers.start("SLO check", functools.partial(self._check_slos, self.state, now))
            self._workers.start("dead instances", self._restart_dead_instances, acts=True, once=True)
        self._log_region_changes()
        if self.state.phase == "fault":
            for operation in context.responder.poll(self.view(now)):
                number = f"o{next(self._numbers)}"
                self.accepted[number] = operation
                self._step(events.OperationRequested(context.clock.now(), operation, number))

    def _check_slos(self, state: State, now: float) -> None:
        for event in self._slo_check.emit(state, now):
            self.mailbox.put(event)
        self._suspects.refresh(self.state, now)

    def _restart_dead_instances(self) -> None:
        """Journal instances that died by themselves, and restart them as an orchestrator would."""
        system = self.context.deployer.system
        for instance, why in () if system.closing.is_set() else system.substrate.died():
            service, region, release = instance.service, instance.region, instance.release
            self._log(InstanceDied(instance.id, service=service, region=region, release=release, why=why))
            revive = functools.partial(self._revive, instance)
            self._workers.start("restart", revive, fatal=False, acts=True)

    def _revive(self, instance: Instance) -> None:
        self.context.deployer.system.revive(instance)

    def _log_region_changes(self) -> None:
        """Journal each region whose state, according to the edge's checks, has changed."""
        regions = self.context.sight.regions()
        for region, health in regions.items():
            seen, last = _region_seen(region, health), self._regions.get(region)
            if last is None or seen != _region_seen(region, last):
                self._log(seen)
        self._regions = regions

    def view(self, now: float) -> View:
        """Return everything that a responder or the on-call sees."""
        operations = tuple((operation, status) for _, operation, status in self.state.operations)
        deployer = self.context.deployer
        primary = deployer.system.primary()
        view = View(now, self.state.alerts, deployer.feed(), operations, self._regions, primary)
        return self._suspects.added(view)

    def _act(self, action: events.Action) -> None:
        match action:
            case events.Log():
                self._log(action.event)
                if isinstance(action.event, AlertAcknowledged):
                    self.context.pages.taken(action.event.alert, action.event.by)
            case events.BringUp():
                self._workers.start("start", self._bring_up)
            case events.StartLoad():
                self._workers.start("load", self._start_load)
            case events.Calibrate():
                self.context.telemetry.calibrate(action.since)
            case events.Resolve():
                self._log(AlertResolved(action.alert, by="gameday"))
                self.context.pages.resolve(action.alert)
            case events.Rearm():
                self.context.telemetry.rearm(action.since)
            case events.Page():
                self._log(PageDelivered(action.alert.id, to="screen"))
                self.context.pages.page(self._suspects.with_suspects(action.alert, self.state))
            case events.BeginEntry():
                self._workers.start("timeline", lambda: self._enter(action.index), acts=True)
            case events.Execute():
                execute = functools.partial(self._execute, action.id, action.operation)
                self._workers.start("operation", execute, acts=True)
            case events.TearDown():
                self._workers.start("teardown", lambda: self._tear_down(action.collect, action.at_once))

    def _log(self, event: JournalEvent) -> None:
        """Append to the journal. Intents are fsynced first; raise PortError if that fails, so nothing is performed."""
        stamped = event.at(self.context.clock.now())
        try:
            self.context.journal.append(stamped, durable=isinstance(event, DURABLE))
        except OSError as error:
            raise PortError(unwritable(error, self.context.journal.path)) from error

    def _report(self, where: str, error: Exception, fatal: bool) -> None:
        """Let an error of a worker thread end the run as an error of the tool; only note it if not `fatal`."""
        why = _reason(error)
        if fatal:
            self.mailbox.put(events.Failed(self.context.clock.now(), where, why))
        elif not self.context.deployer.system.closing.is_set():
            self._log(Note(text=f"{where}: {why}", by="gameday"))

    def _bring_up(self) -> None:
        self.context.deployer.system.bring_up()
        self.mailbox.put(events.SystemUp(self.context.clock.now()))

    def _start_load(self) -> None:
        context, system = self.context, self.context.deployer.system
        host, port = system.substrate.entrance()
        begin = context.load.start(f"http://{host}:{port}")
        self._log(LoadStarted(planned_rate=context.scenario.load.rate))
        context.telemetry.start(context.load.shards(), context.addresses)
        context.sight.start()
        self._watching = True
        self.mailbox.put(events.LoadStarted(context.clock.now(), begin))

    def _enter(self, index: int) -> None:
        self._timeline.enter(index)
        self.mailbox.put(events.EntryEnded(self.context.clock.now(), index))

    def _execute(self, number: str, operation: Operation) -> None:
        """Execute an operation and journal its result."""
        change = self._timeline.next_change() if operation.name == "rollback" else ""
        try:
            rolled_back = self._executor.execute(operation, change)
        except PortError as error:
            self.why_failed[number] = str(error)
            self._log(OperationFailed(number, why=str(error)))
            self.mailbox.put(events.OperationEnded(self.context.clock.now(), number, False))
            return
        self._timeline.mark_rolled_back(rolled_back)
        self._log(OperationDone(number, change=rolled_back))
        self.mailbox.put(events.OperationEnded(self.context.clock.now(), number, True))

    def _tear_down(self, collect: bool, at_once: bool) -> None:
        left = self._teardown.run(collect, at_once)
        self.mailbox.put(events.TornDown(self.context.clock.now(), left))


def _region_seen(region: str, health: Health) -> RegionSeen:
    return RegionSeen(
        region,
        up=health.up,
        database=health.database,
        drained=health.drained,
        asynchronous=health.asynchronous,
    )


def _reason(error: Exception) -> str:
    """Return an error's text, in words that need no knowledge of the code if there are any."""
    if isinstance(error, OSError) and full(error):
        return unwritable(error, Path("the run's folder"))
    return str(error) if isinstance(error, PortError) else f"{type(error).__name__}: {error}"
