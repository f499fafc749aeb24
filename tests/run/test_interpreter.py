"""The interpreter ends a run whatever breaks or hangs: load stopped, system down, the reason in the journal."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.deploy import Deploy
from gameday.operations import Alert, Operation
from gameday.ports import PortError, View
from gameday.recording.journal import Journal, read_journal
from gameday.recording.journal_events import (
    JournalEvent,
    LoadStopped,
    Note,
    OperationIntended,
    OrdersCollected,
    RunInterrupted,
)
from gameday.run.events import EntryEnded
from gameday.run.interpreter import Interpreter
from gameday.run.timeouts import TIMEOUTS
from gameday.scenario import Entry
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeFault, FakeLoad, FakeSight, FakeTelemetry
from tests.support.journals import typed_event
from tests.support.small_disk import fill, small_disk
from tests.support.stage import PATIENCE_S, FastClock, Stage, Stuck, end, staged, to_the_fault
from tests.support.waiting import until

NO_ORDERS = OrdersCollected(file="audit.jsonl", orders=0, ledger=None, charges=None, stock=None, why="")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as example:
        yield example


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Stage]:
    """Yield a stage whose clock runs twenty times as fast."""
    with staged(tmp_path, FastClock()) as example:
        yield example


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    example = Stuck()
    yield example
    example.free.set()


def test_an_interrupt_before_anything_is_up_takes_everything_down(stage: Stage) -> None:
    """An interrupted run has nothing to audit and keeps nothing up."""
    state = end(stage.world, lambda interpreter: interpreter.interrupt("SIGINT"))
    assert (state.reason, state.left) == ("interrupted", ())
    assert stage.downs == [False]
    assert stage.events("run.interrupted") == [{"signal": "SIGINT"}]


def test_a_start_that_fails_is_an_error(stage: Stage) -> None:
    """The journal quotes the service's error, and what had started is torn down."""
    substrate = stage.world.deployer.system.substrate
    assert isinstance(substrate, FakeSubstrate)
    substrate.refuse = {"pricing-1.0.0"}
    state = end(stage.world)
    assert state.reason == "error"
    (error,) = stage.events("run.error")
    assert error["where"] == "start"
    assert re.fullmatch(r"us-east\.pricing\.\d \(pricing-1\.0\.0\) ended before it was ready", error["why"])
    assert list(substrate.instances()) == []


@pytest.mark.parametrize("broken", [PortError("the engine hangs"), RuntimeError("unforeseen")])
def test_a_poll_that_raises_ends_the_run_in_order(stage: Stage, broken: Exception) -> None:
    """Load and telemetry are stopped and the system is down, whatever was raised in the loop."""
    load, telemetry = FakeLoad(), FakeTelemetry(broken)
    state = end(replace(stage.world, load=load, telemetry=telemetry))
    assert state.reason == "error"
    assert (load.stopped, telemetry.stopped, stage.downs) == (True, True, [False])
    assert str(broken) in stage.events("run.error")[0]["why"]


def test_a_dead_load_is_an_error(stage: Stage) -> None:
    """The error quotes the load's own reason."""
    state = end(replace(stage.world, load=FakeLoad(dead="the load ended by itself: signal 9")))
    assert state.reason == "error"
    assert stage.events("run.error")[0] == {"where": "load", "why": "the load ended by itself: signal 9"}


def test_a_tear_down_that_raises_still_ends_the_run(stage: Stage) -> None:
    """What couldn't be torn down is reported as left."""

    def down(well: bool) -> Sequence[str]:
        raise RuntimeError("the engine is gone")

    state = end(replace(stage.world, down=down), lambda interpreter: interpreter.interrupt("SIGTERM"))
    assert state.phase == "done"
    assert "the engine is gone" in state.left[0]
    assert stage.events("cleanup")[0]["clean"] is False


def test_a_terminal_that_hangs_up_keeps_nothing_up(stage: Stage, tmp_path: Path) -> None:
    """Every write to the screen fails from the signal on; load and system are still torn down."""
    gone: list[str] = []

    def fail_to_print(event: JournalEvent) -> None:
        if isinstance(event, RunInterrupted) or gone:
            gone.append(event.KIND)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    load, journal = FakeLoad(), Journal(tmp_path / "journal-copy.jsonl", fail_to_print)
    state = end(
        replace(stage.world, journal=journal, load=load),
        lambda interpreter: interpreter.interrupt("SIGHUP"),
    )
    journal.close()
    assert (state.reason, state.left, stage.downs) == ("interrupted", (), [False])
    assert gone[-1] == "phase"


def test_what_fails_before_the_end_does_not_keep_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teardown begins even if journalling the reason for it fails."""
    interpreter = Interpreter(stage.world)
    log = interpreter._log

    def broken(event: JournalEvent) -> None:
        if isinstance(event, RunInterrupted):
            raise PortError("the screen is broken")
        log(event)

    monkeypatch.setattr(interpreter, "_log", broken)
    interpreter.interrupt("SIGINT")
    state = interpreter.run()
    assert (state.reason, stage.downs) == ("interrupted", [False])


def test_a_full_disk_ends_the_run(stage: Stage, tmp_path: Path) -> None:
    """The error says what to do; once the teardown has made room, the journal is complete to its end."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        journal = Journal(disk / "journal.jsonl")
        filler = fill(disk)

        def down(well: bool) -> Sequence[str]:
            filler.unlink()
            return stage.world.down(well)

        for _ in range(3):
            journal.append(Note(text="x" * 3000, by="gameday"))
        state = end(replace(stage.world, journal=journal, down=down))
        assert (state.reason, stage.downs) == ("error", [False])
        journal.close()
        events = list(read_journal(journal.path))
    (error,) = (event.data for event in events if event.kind == "run.error")
    assert error["where"] == "journal"
    assert error["why"].startswith(
        f"{disk / 'journal.jsonl'} can't be written: No space left on device; free some space"
    )
    assert (events[-1].kind, events[-1].subject) == ("phase", "done")


def test_what_cannot_be_undone_after_a_crash_is_not_done(stage: Stage, tmp_path: Path) -> None:
    """An operation isn't executed if its intent can't be written to disk."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        journal = Journal(disk / "journal.jsonl")
        interpreter = Interpreter(replace(stage.world, journal=journal))
        fill(disk)
        with pytest.raises(PortError, match="No space left on device"):
            interpreter._log(
                OperationIntended("o1", name="restart", target="x" * 100_000, by="me", change=None)
            )
        with pytest.raises(OSError, match="No space left on device"):
            journal.close()


def test_a_rollback_says_which_change_it_took_back(stage: Stage) -> None:
    """Two rollbacks of a service take its latest and then its previous change; other operations name none."""
    operator = stage.world.deployer
    operator.about = lambda name: {"service": name.rpartition("-")[0], "kind": "code", "summary": ""}
    operator.system.bring_up()
    for change, release in (("x1", "pricing-1.1.0"), ("x2", "pricing-1.2.0")):
        operator.deploy(change, release, "all-at-once", 0.0, "timeline")
    interpreter = Interpreter(stage.world)
    for number, name in enumerate(("rollback", "rollback", "restart")):
        interpreter._execute(f"o{number}", Operation(name, "pricing", "somebody"))
    assert stage.events("operation.done") == [{"change": "x2"}, {"change": "x1"}, {}]


def test_the_screen_hears_of_every_event(tmp_path: Path) -> None:
    """The journal passes every event to its listener."""
    heard: list[JournalEvent] = []
    journal = Journal(tmp_path / "heard.jsonl", heard.append)
    journal.append(typed_event(1.0, "change.started", "c1"))
    journal.close()
    assert [event.KIND for event in heard] == ["change.started"]


def holding(after: float) -> Any:
    """Return an abort condition that is true so many seconds after the timeline began."""

    def abort(samples: Any, *, zero: float, now: float, **known: Any) -> tuple[str, Mapping[str, Any]] | None:
        return ("elapsed > 1s", {"elapsed": now - zero}) if now - zero > after else None

    return abort


class Reverted(FakeFault):
    """A fault that signals its revert."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def revert(self) -> None:
        super().revert()
        self.over.set()


def test_a_condition_that_holds_reverts_before_anything_else(fast: Stage) -> None:
    """The revert doesn't wait for the load to stop; orders are audited, and nothing is left."""
    fault, seen = Reverted(), []

    class Lingering(FakeLoad):
        def stop(self) -> LoadStopped:
            seen.append(fault.over.wait(PATIENCE_S))
            return super().stop()

    world = to_the_fault(fast, fault)
    state = end(replace(world, load=Lingering(), abort=holding(1.0), collect=lambda: NO_ORDERS))
    assert (state.reason, state.left, fast.downs) == ("stopped", (), [True])
    assert (fault.done, seen) == (["inject", "revert"], [True])
    (stop,) = fast.events("run.stopped")
    assert stop["expr"] == "elapsed > 1s"
    assert 1.0 < stop["values"]["elapsed"] < 60.0
    assert fast.events("fault.reverted") == [{"by": "cleanup"}]
    assert fast.events("audit") == [NO_ORDERS.to_event().data]
    assert fast.events("run.ended") == [{"reason": "stopped"}]


def test_without_a_condition_the_load_stops_before_faults_are_reverted(fast: Stage) -> None:
    """The measured time ends under the fault."""
    fault, order = FakeFault(), []

    class Watched(FakeLoad):
        def stop(self) -> LoadStopped:
            order.append(list(fault.done))
            return super().stop()

    state = end(replace(to_the_fault(fast, fault, hold=1.0), load=Watched()))
    assert state.reason == "no_effect"
    assert order == [["inject"]]
    assert fast.events("fault.reverted") == [{"by": "cleanup"}]


class StartedSight(FakeSight):
    """Counts its starts."""

    def __init__(self) -> None:
        super().__init__()
        self.started = 0

    def start(self) -> None:
        self.started += 1


class PolledResponder:
    """Notes the phases of the run in which it is polled."""

    kind = "auto"
    policy: str | None = None

    def __init__(self, stage: Stage) -> None:
        self.phases: set[str] = set()
        self._path = stage.world.journal.path

    def poll(self, view: View) -> Sequence[Operation]:
        events = read_journal(self._path)
        self.phases.add([event.subject for event in events if event.kind == "phase"][-1])
        return ()


def test_the_responder_is_polled_during_the_fault_and_the_sight_is_started(fast: Stage) -> None:
    """No responder is polled in the steady state, and regions are followed from the start of the load."""
    responder, sight = PolledResponder(fast), StartedSight()
    end(replace(to_the_fault(fast, FakeFault(), hold=1.0), responder=responder, sight=sight))
    assert responder.phases == {"fault"}
    assert sight.started == 1


def test_an_entry_that_never_ends_does_not_keep_the_run(fast: Stage, stuck: Stuck) -> None:
    """The run is given up on time with the entry in flight; its fault goes with the system, which isn't used again."""
    fault = FakeFault()
    fault.inject = stuck  # type: ignore[method-assign]
    short = replace(TIMEOUTS, inject=0.05, settle=0.05)
    state = end(replace(to_the_fault(fast, fault, give_up=3.0, hold=1.0), timeouts=short))
    assert (state.reason, state.left, state.busy) == ("give_up", (), True)
    assert (fault.done, fast.downs) == ([], [False])
    assert {"text": "fault f1 is still being injected: not reverted", "by": "gameday"} in fast.events("note")


class LateInjection(FakeFault):
    """A fault whose injection acts only once the run is being ended."""

    def inject(self, wait: object) -> None:
        assert callable(wait)
        assert not wait(PATIENCE_S)
        threading.Event().wait(0.1)
        super().inject(wait)


def test_a_revert_waits_for_its_injection(fast: Stage) -> None:
    """An injection that acted after the revert would leave a fault that counts as reverted."""
    fault = LateInjection()
    state = end(replace(to_the_fault(fast, fault), abort=holding(1.0)))
    assert (state.reason, fault.done, fast.downs) == ("stopped", ["inject", "revert"], [True])
    assert fast.events("fault.reverted") == [{"by": "cleanup"}]


def test_an_entry_that_comes_due_as_the_run_ends_injects_nothing(fast: Stage) -> None:
    """Its fault is bound, and no more: the teardown has begun."""
    fault, world = FakeFault(), to_the_fault(fast, FakeFault())
    interpreter = Interpreter(world)

    def bind(action: str, spec: Any) -> FakeFault:
        interpreter._timeline.stop()
        return fault

    interpreter._timeline._bind = bind
    interpreter._timeline.enter(0)
    assert fault.done == []
    assert interpreter._timeline.all_reverted()
    assert fast.events("fault.intended") == []


@pytest.mark.parametrize("name", ["operation", "entry"])
def test_a_system_on_which_something_still_acts_is_not_used_again(
    fast: Stage, stuck: Stuck, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation or a deploy of one trial must not finish in the next one."""

    class Requesting(FakeFault):
        """A fault during which somebody asks for an operation."""

        def inject(self, wait: object) -> None:
            interpreters[0].request(Operation("restart", "edge", "auto"))
            assert stuck.entered.wait(PATIENCE_S)

    interpreters: list[Interpreter] = []
    world = replace(to_the_fault(fast, Requesting()), timeouts=replace(TIMEOUTS, settle=0.05))
    if name == "entry":
        spec = Deploy.model_validate({"release": "pricing-1.0.1"})
        scenario = world.scenario.model_copy(
            update={"timeline": (Entry(at=0.0, action="deploy", spec=spec),)}
        )
        world = replace(world, scenario=scenario)
        monkeypatch.setattr(world.deployer, "deploy", stuck)
    else:
        monkeypatch.setattr("gameday.system.operation_executor.OperationExecutor.execute", stuck)

    def stopping(samples: Any, **known: Any) -> tuple[str, Mapping[str, Any]] | None:
        return ("elapsed > 1s", {}) if stuck.entered.is_set() else None

    state = end(replace(world, abort=stopping), interpreters.append)
    assert (state.reason, fast.downs) == ("stopped", [False])


def test_a_mailbox_that_is_never_empty_keeps_no_detector_waiting(fast: Stage) -> None:
    """The loop polls, and time passes for the engine, however many events arrive."""
    polled, over = [], threading.Event()

    class Polled(FakeTelemetry):
        def poll(self, now: float) -> Sequence[Alert]:
            polled.append(now)
            return ()

    def flood(interpreter: Interpreter) -> None:
        def send() -> None:
            while not over.wait(0.001):
                for _ in range(20):
                    interpreter.mailbox.put(EntryEnded(0.0, 99))

        threading.Thread(target=send, daemon=True).start()

    try:
        state = end(replace(to_the_fault(fast, FakeFault(), hold=1.0), telemetry=Polled()), flood)
    finally:
        over.set()
    assert state.reason == "no_effect"
    assert len(polled) > 3


def test_dead_instances_that_are_slow_to_remove_keep_no_detector_waiting(
    fast: Stage, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop polls while a substrate looks at the dead; only one look runs at a time."""
    polled: list[bool] = []
    looks: list[int] = []

    class Polled(FakeTelemetry):
        def poll(self, now: float) -> Sequence[Alert]:
            polled.append(stuck.entered.is_set() and not stuck.over)
            return ()

    def died() -> Any:
        looks.append(len(looks))
        return stuck()

    monkeypatch.setattr(fast.world.deployer.system.substrate, "died", died)
    short = replace(TIMEOUTS, settle=0.05)
    state = end(replace(to_the_fault(fast, FakeFault(), hold=1.0), telemetry=Polled(), timeouts=short))
    assert state.reason == "no_effect"
    assert (polled.count(True) > 3, looks) == (True, [0])


def test_a_bring_up_that_hangs_names_what_is_not_ready(stage: Stage, stuck: Stuck) -> None:
    """The error says the phase, the wait, and each instance that isn't there."""
    substrate = stage.world.deployer.system.substrate
    start, hung = substrate.start, stuck
    substrate.start = lambda service, *rest: (  # type: ignore[method-assign]
        hung() if service.name == "pricing" else start(service, *rest)
    )
    state = end(replace(stage.world, timeouts=replace(TIMEOUTS, up=0.5)))
    assert state.reason == "error"
    (error,) = stage.events("run.error")
    assert error["where"] == "bring-up"
    assert error["why"].endswith("waiting for us-east.pricing (2 instances)")


def test_a_load_that_hangs_in_its_start_is_an_error(stage: Stage, stuck: Stuck) -> None:
    """The load is stopped like any other."""
    load = FakeLoad()
    load.start = stuck  # type: ignore[method-assign]
    state = end(replace(stage.world, load=load, timeouts=replace(TIMEOUTS, load=0.1)))
    assert (state.reason, load.stopped) == ("error", True)
    assert stage.events("run.error")[0]["where"] == "start of the load"


@pytest.mark.parametrize(
    ("part", "limit", "kind"),
    [("load", "stop_load", "load.stopped"), ("telemetry", "stop_telemetry", "telemetry.stopped")],
)
def test_a_teardown_step_that_hangs_is_abandoned_and_journalled(
    stage: Stage, stuck: Stuck, part: str, limit: str, kind: str
) -> None:
    """The next steps still run, the system is down, and the journal says which step hung."""
    parts: dict[str, Any] = {"load": FakeLoad(), "telemetry": FakeTelemetry()}
    parts[part].stop = stuck
    timeouts = replace(TIMEOUTS, **{limit: 0.05})
    state = end(
        replace(stage.world, **parts, timeouts=timeouts), lambda interpreter: interpreter.interrupt("SIGINT")
    )
    assert (state.phase, state.left, stage.downs) == ("done", (), [False])
    assert stage.events("run.error") == [{"where": kind, "why": "not done within 0.05 s: abandoned"}]


def test_a_revert_and_an_audit_that_hang_are_abandoned(fast: Stage, stuck: Stuck) -> None:
    """The fault is gone with the system."""
    fault = FakeFault()
    fault.revert = stuck  # type: ignore[method-assign]
    timeouts = replace(TIMEOUTS, revert=0.05, audit=0.05)
    state = end(replace(to_the_fault(fast, fault), abort=holding(1.0), collect=stuck, timeouts=timeouts))
    assert (state.reason, state.left, fast.downs) == ("stopped", (), [False])
    assert [event["where"] for event in fast.events("run.error")] == ["faults.reverted", "audit"]
    assert fast.events("fault.reverted") == [{"by": "cleanup"}]


def test_a_take_down_that_hangs_leaves_the_system_behind(stage: Stage, stuck: Stuck) -> None:
    """The system is reported as left, with the reason; the run is over."""
    world = replace(stage.world, down=stuck, timeouts=replace(TIMEOUTS, take_down=0.05))
    state = end(world, lambda interpreter: interpreter.interrupt("SIGTERM"))
    assert state.left == ("the system, which could not be taken down: not done within 0.05 s: abandoned",)
    assert stage.events("cleanup") == [{"clean": False, "left": list(state.left)}]


def test_the_end_is_over_in_its_time_whatever_its_thread_does(
    stage: Stage, stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if no step of the teardown ever runs."""
    monkeypatch.setattr("gameday.run.teardown.Teardown.run", stuck)
    short = replace(
        TIMEOUTS, stop_load=0, stop_telemetry=0, revert=0, audit=0, settle=0, take_down=0, margin=0.1
    )
    state = end(replace(stage.world, timeouts=short), lambda interpreter: interpreter.interrupt("SIGTERM"))
    assert stuck.entered.wait(PATIENCE_S)
    assert "wasn't finished" in state.left[0]


def test_a_loop_that_hangs_in_a_call_gives_no_sign_of_life(stage: Stage, stuck: Stuck) -> None:
    """The reaper then ends the runner; a finished run counts as alive."""
    load = FakeLoad()
    load.alive = stuck  # type: ignore[method-assign]
    interpreter = Interpreter(replace(stage.world, load=load, timeouts=replace(TIMEOUTS, turn=1.0)))
    loop = threading.Thread(target=interpreter.run)
    loop.start()
    assert stuck.entered.wait(PATIENCE_S)
    assert interpreter.turning()
    until(lambda: not interpreter.turning(), "the loop is seen to hang", PATIENCE_S)
    interpreter.interrupt("SIGTERM")
    stuck.free.set()
    loop.join(PATIENCE_S)
    assert interpreter.state.phase == "done"
    assert interpreter.turning()


def test_a_slow_slo_check_keeps_no_detector_waiting(fast: Stage, stuck: Stuck) -> None:
    """The loop polls while an SLO check runs; a check that never ends leaves the steady state unjudged."""
    polled = []

    class Polled(FakeTelemetry):
        def poll(self, now: float) -> Sequence[Alert]:
            polled.append(stuck.entered.is_set() and not stuck.over)
            return ()

    world = replace(to_the_fault(fast, FakeFault()), samples=stuck, telemetry=Polled())
    state = end(replace(world, timeouts=replace(TIMEOUTS, steady=40.0)))
    assert state.reason == "error"
    assert fast.events("run.error")[0]["where"] == "steady state"
    assert polled.count(True) > 3
