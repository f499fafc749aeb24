"""The interpreter comes to its end whatever breaks: load stopped, system taken down, the reason in the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import bundled
from runner.changes.rollout import plan
from runner.cli import library
from runner.clock import RunClock
from runner.engine import State
from runner.interpreter import Interpreter
from runner.journal import Event, Journal, read_journal
from runner.operator import Operator
from runner.ports import PortError, Release
from runner.responders.none import Nobody
from runner.samples import RECORD, Samples
from runner.system import System
from runner.topology import read_topology
from runner.world import World
from tests.disk import fill, small_disk
from tests.fakes import FakeFault, FakeLinks, FakeLoad, FakeSight, FakeSubstrate, FakeTelemetry, NoPages, QuietScreen


@dataclass
class Stage:
    """A world of fakes, and what came of a run in it."""

    world: World
    journal: Journal
    downs: list[bool] = field(default_factory=list)

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return [event.data for event in read_journal(self.journal.path) if event.kind == kind]


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    clock, journal = RunClock(), Journal(tmp_path / "journal.jsonl")
    topology = read_topology(bundled.compose(), ("us-east",))

    def build(name: str) -> Release:
        return Release(name, name.rpartition("-")[0], None)

    operator = Operator(System(FakeSubstrate(), FakeLinks(), topology, build), lambda name: {}, plan, journal, clock)
    downs: list[bool] = []

    def down(well: bool) -> Sequence[str]:
        downs.append(well)
        return operator.take_down()

    world = World(
        scenario=library.read(library.find("good-release")),
        operator=operator,
        load=FakeLoad(),
        telemetry=FakeTelemetry(),
        responder=Nobody(),
        journal=journal,
        clock=clock,
        samples=lambda: Samples(np.empty(0, RECORD)),
        addresses=dict,
        collect=dict,
        bind=lambda action, spec: FakeFault(),
        sight=FakeSight(),
        defect=lambda release: None,
        pages=NoPages(),
        screen=QuietScreen(),
        down=down,
    )
    yield Stage(world, journal, downs)
    journal.close()


def end(world: World, before: Callable[[Interpreter], None] = lambda interpreter: None) -> State:
    interpreter = Interpreter(world)
    before(interpreter)
    return interpreter.run()


def test_an_interrupt_before_anything_is_up_takes_everything_down(stage: Stage) -> None:
    """130 has nothing to audit and nothing to keep."""
    state = end(stage.world, lambda interpreter: interpreter.interrupt("SIGINT"))
    assert (state.reason, state.left) == ("interrupted", ())
    assert stage.downs == [False]
    assert stage.events("run.interrupted") == [{"signal": "SIGINT"}]


def test_a_start_that_fails_is_an_error(stage: Stage) -> None:
    """The service's own words reach the journal, and what had started is taken down."""
    substrate = stage.world.operator.system.substrate
    assert isinstance(substrate, FakeSubstrate)
    substrate.refuse = {"pricing-1.0.0"}
    state = end(stage.world)
    assert state.reason == "error"
    assert stage.events("run.error") == [{"where": "start", "why": "us-east.pricing isn't ready"}]
    assert substrate.instances() == ()


@pytest.mark.parametrize("broken", [PortError("the engine hangs"), RuntimeError("unforeseen")])
def test_a_poll_that_raises_ends_the_run_in_order(stage: Stage, broken: Exception) -> None:
    """Load and telemetry are stopped and the system is down, whatever was raised in the loop."""
    load, telemetry = FakeLoad(), FakeTelemetry(broken)
    state = end(replace(stage.world, load=load, telemetry=telemetry))
    assert state.reason == "error"
    assert (load.stopped, telemetry.stopped, stage.downs) == (True, True, [False])
    assert str(broken) in stage.events("run.error")[0]["why"]


def test_a_dead_load_is_an_error(stage: Stage) -> None:
    """Its own words say why."""
    state = end(replace(stage.world, load=FakeLoad(dead="the load ended by itself: signal 9")))
    assert state.reason == "error"
    assert stage.events("run.error")[0] == {"where": "load", "why": "the load ended by itself: signal 9"}


def test_a_tear_down_that_raises_still_ends_the_run(stage: Stage) -> None:
    """It never hangs: what couldn't be taken down is left behind, and told."""

    def down(well: bool) -> Sequence[str]:
        raise RuntimeError("the engine is gone")

    state = end(replace(stage.world, down=down), lambda interpreter: interpreter.interrupt("SIGTERM"))
    assert state.phase == "done"
    assert "the engine is gone" in state.left[0]
    assert stage.events("cleanup")[0]["clean"] is False


def test_a_full_disk_ends_the_run(stage: Stage, tmp_path: Path) -> None:
    """An error of the run that says what to do; once taking down has made room, the journal has it all to the end."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        journal = Journal(disk / "journal.jsonl")
        filler = fill(disk)

        def down(well: bool) -> Sequence[str]:
            filler.unlink()
            return stage.world.down(well)

        for _ in range(3):
            journal.append(Event(0.0, "note", "", {"text": "x" * 3000}))
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
    """Where the disk has no room for the undo of an operation, the operation isn't carried out."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        journal = Journal(disk / "journal.jsonl")
        interpreter = Interpreter(replace(stage.world, journal=journal))
        fill(disk)
        with pytest.raises(PortError, match="No space left on device"):
            interpreter._log("operation.intended", "o1", {"undo": "x" * 100_000})
        with pytest.raises(OSError, match="No space left on device"):
            journal.close()


def test_the_screen_hears_of_every_event(tmp_path: Path) -> None:
    """Whoever writes to the journal, people see it."""
    heard: list[Event] = []
    journal = Journal(tmp_path / "heard.jsonl", heard.append)
    journal.append(Event(1.0, "change.started", "c1", {}))
    journal.close()
    assert [event.kind for event in heard] == ["change.started"]
