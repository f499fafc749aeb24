"""What outlives one trial: the system, where the next trial wants the same one, and the handlers of signals."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gameday.ports import PortError
from gameday.reaper.reaper_process import Reaper
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.scenario import Guardrails, Scenario, System
from gameday.system.deployer import Deployer

Progress = Callable[[str], None]
Make = Callable[[Journal, Clock, Progress], Deployer]
Interrupt = Callable[[str], None]


NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Wanted = tuple[System, Guardrails]


def wanted(scenario: Scenario) -> Wanted:
    """What makes two scenarios want the same system."""
    return scenario.system, scenario.guardrails


class Kept:
    """Holds at most one system. `then` is what the next trial wants; None means that nothing follows.

    `work` is a folder of the run that brought it up, removed with it.
    """

    def __init__(self) -> None:
        self.reaper = Reaper()
        """Takes down what stands should this process end without a word."""
        self.then: Wanted | None = None
        self._system: Wanted | None = None
        self._operator: Deployer | None = None
        self._work: Path | None = None

    def operator(
        self, system: Wanted, make: Make, work: Path, journal: Journal, clock: Clock, progress: Progress
    ) -> Deployer:
        """The operator of the system that is up, where it is the one wanted, else a new one, not yet brought up."""
        if self._operator is not None and self._system == system:
            self._operator.reset(journal, clock, progress)
        else:
            self.close()
            self._operator = make(journal, clock, progress)
            self._system, self._work = system, work
        return self._operator

    def down(self, well: bool) -> Sequence[str]:
        """Ends a trial: the system stays up where the next one wants it, nothing failed, and it is as it was."""
        operator = self._operator
        if operator is None:
            return ()
        if well and self.then == self._system and _restored(operator):
            return ()
        return self.close()

    def finish(self) -> None:
        """Takes down what is up; what couldn't be removed is the reaper's, once this process ends."""
        if not self.close():
            self.reaper.dismiss()

    def close(self) -> Sequence[str]:
        """Takes down what is up; what couldn't be removed."""
        operator, self._operator, self._system = self._operator, None, None
        if operator is None:
            return ()
        left = operator.take_down()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        return left


def _restored(operator: Deployer) -> bool:
    """Where the substrate can't say, it isn't."""
    try:
        return operator.system.restored()
    except PortError:
        return False


class Signals:
    """Ctrl-C, SIGTERM and SIGHUP end every run under way in order; pressed again they change nothing."""

    def __init__(self) -> None:
        self.asked: str | None = None
        self._interrupts: list[Interrupt] = []

    @contextmanager
    def caught(self) -> Iterator[Signals]:
        before = {number: signal.signal(number, self._came) for number in NUMBERS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def to(self, interrupt: Interrupt) -> Iterator[None]:
        """While the block lasts, a signal goes to `interrupt` too; one that came before it at once."""
        self._interrupts.append(interrupt)
        try:
            if self.asked:
                interrupt(self.asked)
            yield
        finally:
            self._interrupts.remove(interrupt)

    def ask(self, name: str) -> None:
        """As if the signal of this name had come."""
        self.asked = name
        for interrupt in list(self._interrupts):
            interrupt(name)

    def _came(self, number: int, frame: Any) -> None:
        self.ask(signal.Signals(number).name)
