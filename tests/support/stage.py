"""A world of fakes for whole runs by the interpreter, in milliseconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gameday.changes.rollout import plan
from gameday.execution import library
from gameday.ports import Release
from gameday.recording.clock import Clock, RunClock
from gameday.recording.journal import Journal, read_journal
from gameday.recording.samples import RECORD, Samples
from gameday.responders.none import NoResponder
from gameday.run.interpreter import Interpreter
from gameday.run.run_context import RunContext
from gameday.run.run_state import State
from gameday.scenario import Entry, Load, SteadyState
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.system import System
from gameday.topology import bundled, read_topology
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import (
    FakeFault,
    FakeLinks,
    FakeLoad,
    FakeSight,
    FakeSpec,
    FakeTelemetry,
    NoPages,
    QuietScreen,
)

PATIENCE_S = 10.0
"""After which a test that hangs gives up waiting."""


@dataclass
class Stage:
    """A world of fakes, and the results of a run in it."""

    world: RunContext
    journal: Journal
    downs: list[bool] = field(default_factory=list)

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return [event.data for event in read_journal(self.journal.path) if event.kind == kind]


@contextmanager
def staged(folder: Path, clock: Clock | None = None) -> Iterator[Stage]:
    """Yield a world whose folder is `folder`; close its journal at the end."""
    clock, journal = clock or RunClock(), Journal(folder / "journal.jsonl")
    topology = read_topology(bundled.compose(), ("us-east",))

    def build(name: str) -> Release:
        return Release(name, name.rpartition("-")[0], None)

    deployer = Deployer(
        System(FakeSubstrate(), FakeLinks(), topology, build), lambda name: {}, plan, journal, clock
    )
    downs: list[bool] = []

    def down(well: bool) -> Sequence[str]:
        downs.append(well)
        return deployer.take_down()

    world = RunContext(
        scenario=library.read(library.find("good-release")),
        deployer=deployer,
        load=FakeLoad(),
        telemetry=FakeTelemetry(),
        responder=NoResponder(),
        journal=journal,
        clock=clock,
        samples=lambda: Samples(np.empty(0, RECORD)),
        addresses=dict,
        collect=lambda: None,
        bind=lambda action, spec: FakeFault(),
        sight=FakeSight(),
        defect=lambda release: None,
        pages=NoPages(),
        screen=QuietScreen(),
        down=down,
    )
    yield Stage(world, journal, downs)
    journal.close()


def end(world: RunContext, before: Callable[[Interpreter], None] = lambda interpreter: None) -> State:
    interpreter = Interpreter(world)
    before(interpreter)
    return interpreter.run()


@dataclass
class FastClock:
    """A clock that runs at twenty seconds a second from its creation."""

    speed: float = 20.0
    origin: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        return (time.monotonic() - self.origin) * self.speed


def to_the_fault(stage: Stage, fault: FakeFault, **scenario: Any) -> RunContext:
    """Return a world that passes a steady state of one second and injects `fault` at once; all
    requests are good."""
    clock = stage.world.clock

    def samples() -> Samples:
        planned = np.arange(0.0, clock.now(), 0.02)
        records = np.zeros(len(planned), RECORD)
        records["planned"], records["end"], records["correct"] = planned, planned + 0.01, 1
        return Samples(records, ("browse",), ("step",), ("us-east",), ("catalog-1.0.0",))

    small = library.read(library.find("good-release"))
    changed = {
        "slos": tuple(slo.model_copy(update={"journey": None}) for slo in small.slos),
        "load": Load.model_validate({"warmup": "0s", "timeout": "500ms"}),
        "steady_state": SteadyState.model_validate({"for": "1s"}),
        "timeline": (Entry(at=0.0, action="region.lose", spec=FakeSpec()),),
        "detectors": (),
        **scenario,
    }
    return replace(
        stage.world,
        scenario=small.model_copy(update=changed),
        samples=samples,
        bind=lambda action, spec: fault,
    )


@dataclass
class Stuck:
    """A call that hangs until `free` is set, or until the failed test is over."""

    entered: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    over: bool = False

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.entered.set()
        self.free.wait(PATIENCE_S)
        self.over = True
        return ()
