"""What outlives a trial: a system that the next trial uses again, and the signal handlers."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gameday.execution.library import canary_services
from gameday.ports import PortError
from gameday.reaper.reaper_process import Reaper
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.scenario import Guardrails, Scenario, System
from gameday.system.deploy_and_rollback import Deployer

Progress = Callable[[str], None]
Make = Callable[[Journal, Clock, Progress], Deployer]
Interrupt = Callable[[str], None]


NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Wanted = tuple[System, Guardrails, frozenset[str], frozenset[str]]


def wanted(scenario: Scenario) -> Wanted:
    """Return what two scenarios must have in common to use the same system."""
    disks = frozenset(getattr(entry.spec, "fills_disk_of", "") for entry in scenario.timeline) - {""}
    return scenario.system, scenario.guardrails, disks, canary_services(scenario)


class SystemReuse:
    """Holds at most one running system between trials.

    `then` is what the next trial needs, None if none follows. `work` is a folder of the run that brought the system up;
    it is removed with the system.
    """

    def __init__(self) -> None:
        self.reaper = Reaper()
        """Tears the system down if this process dies."""
        self.then: Wanted | None = None
        self._system: Wanted | None = None
        self._deployer: Deployer | None = None
        self._work: Path | None = None

    def operator(
        self, system: Wanted, make: Make, work: Path, journal: Journal, clock: Clock, progress: Progress
    ) -> Deployer:
        """Return the deployer of the running system if it fits, else of a new system that isn't up yet."""
        if self._deployer is not None and self._system == system:
            self._deployer.reset(journal, clock, progress)
        else:
            self.close()
            self._deployer = make(journal, clock, progress)
            self._system, self._work = system, work
        return self._deployer

    def down(self, well: bool) -> Sequence[str]:
        """End a trial. Keep the system up if the next trial needs it, all went well, and it is as at the start.

        Return what couldn't be removed.
        """
        deployer = self._deployer
        if deployer is None:
            return ()
        if well and self.then == self._system and _restored(deployer):
            return ()
        return self.close()

    def release(self) -> None:
        """Give up what marks finished runs as living, but not the run whose system is kept up for the next trial."""
        up = self._deployer is not None and self._work is not None
        self.reaper.release(self._work.parent.name if up and self._work else None)

    def finish(self) -> None:
        """Tear the system down; leave what couldn't be removed to the reaper."""
        if not self.close():
            self.reaper.dismiss()

    def close(self) -> Sequence[str]:
        """Tear the system down; return what couldn't be removed."""
        deployer, self._deployer, self._system = self._deployer, None, None
        if deployer is None:
            return ()
        left = deployer.take_down()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        return left


def _restored(deployer: Deployer) -> bool:
    """Return True if the system is as at its start, False if the substrate can't say."""
    try:
        return deployer.system.restored()
    except PortError:
        return False


class Signals:
    """End every run in progress in order on SIGINT, SIGTERM or SIGHUP; further signals change nothing."""

    def __init__(self) -> None:
        self.asked: str | None = None
        self._interrupts: list[Interrupt] = []

    @contextmanager
    def caught(self) -> Iterator[Signals]:
        """Handle the signals while the block runs."""
        before = {number: signal.signal(number, self._came) for number in NUMBERS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def to(self, interrupt: Interrupt) -> Iterator[None]:
        """Pass signals to `interrupt` while the block runs; one that arrived earlier at once."""
        self._interrupts.append(interrupt)
        try:
            if self.asked:
                interrupt(self.asked)
            yield
        finally:
            self._interrupts.remove(interrupt)

    def ask(self, name: str) -> None:
        """Act as if the signal of this name had arrived."""
        self.asked = name
        for interrupt in list(self._interrupts):
            interrupt(name)

    def _came(self, number: int, frame: Any) -> None:
        self.ask(signal.Signals(number).name)
