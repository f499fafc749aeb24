"""Outages of known times: cut and restore the link repeatedly, in random phase, under load and telemetry of any run.

Everything is recorded in journal and samples; `calibration_result` reads them.
"""

from __future__ import annotations

import os
import platform
import queue
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

from gameday.calibrate.bench import LINK, RATE, Bench, Settings
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import (
    AlertRaised,
    CleanupDone,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    LoadStarted,
    LoadStopped,
    PhaseStarted,
    RunError,
    RunStarted,
    SteadyStateJudged,
    TelemetryStopped,
)

POLL_S = 0.02  # as the interpreter polls telemetry
HEALTH_S = 0.5
SETTLE_S = 2.0
WARM_S = 2.0
STEADY_S = 5.0
LENGTH_S = (1.0, 2.0)
"""The shortest and longest outage. Random lengths let both ends meet every tick in random phase."""
QUIET_S = (2.0, 3.0)
"""Quiet time before each outage and after the last: at least two windows of the SLO."""


class Interrupted(Exception):
    """The calibration was interrupted."""


class Screen(Protocol):
    """Shows the progress."""

    def say(self, text: str) -> None: ...

    def done(self, outages: int) -> None: ...


@dataclass(frozen=True)
class Step:
    """One outage: seconds of quiet, then seconds of outage."""

    quiet: float
    length: float


def schedule(outages: int, seed: int) -> list[Step]:
    """Return the quiet times and lengths of so many outages, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311
    return [Step(draw.uniform(*QUIET_S), draw.uniform(*LENGTH_S)) for _ in range(outages)]


def expected_seconds(outages: int) -> float:
    """Return the expected seconds from the start of the load to its end."""
    return WARM_S + STEADY_S + outages * (sum(QUIET_S) + sum(LENGTH_S)) / 2 + QUIET_S[1]


class Calibration:
    """One calibration. Setting `stopping` ends it, also from a signal handler; `left` is what couldn't be removed."""

    def __init__(
        self, settings: Settings, outages: int, why: str, screen: Screen, clock: RunClock | None = None
    ) -> None:
        self.stopping = threading.Event()
        self.left: list[str] = []
        self._settings = settings
        self._steps = schedule(outages, settings.seed)
        self._why = why
        self._screen = screen
        self._clock = clock or RunClock()
        self._journal = Journal(settings.folder / "journal.jsonl")
        self._bench = Bench(settings, self._clock, self._journal, screen.say)
        self._working: threading.Thread | None = None
        self._news: queue.SimpleQueue[float | Exception | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Run the calibration and tear everything down; then raise PortError or Interrupted if it didn't finish."""
        self._log(self._started())
        try:
            self._play()
        finally:
            self._close()

    def _play(self) -> None:
        began = self._clock.now()
        self._screen.say(f"bringing up a stub and a link on {self._settings.substrate}")
        self._start_thread(self._bench.system.bring_up)
        while self._next_news() is not None:
            self._pause(POLL_S)
        begin = self._bench.load.start(self._bench.target())
        self._bench.watch.start(self._bench.load.shards(), dict)
        self._log(LoadStarted(planned_rate=RATE, start_s=round(self._clock.now() - began, 3)))
        self._watch_until(begin + WARM_S + STEADY_S)
        self._bench.watch.calibrate(begin + WARM_S)
        self._log(SteadyStateJudged(met=True, why="", since=begin + WARM_S, until=self._clock.now()))
        self._start_thread(self._cut_and_restore)
        self._follow()

    def _watch_until(self, t: float) -> None:
        while self._clock.now() < t:
            self._look()

    def _follow(self) -> None:
        """Poll telemetry until the last outage is over, rearming the detectors after each one."""
        done, due = 0, self._clock.now()
        while (restored := self._next_news()) is not None:
            if restored > 0:
                done += 1
                self._bench.watch.rearm(restored)
                self._screen.done(done)
            self._look()
            if self._clock.now() >= due:
                due = self._clock.now() + HEALTH_S
                self._check_health()

    def _look(self) -> None:
        for alert in self._bench.watch.poll(self._clock.now()):
            self._journal.append(AlertRaised.of(alert))
        self._pause(POLL_S)

    def _check_health(self) -> None:
        dead = self._bench.load.alive()
        if dead is not None:
            raise PortError(dead)
        for instance, why in self._bench.system.substrate.died():
            raise PortError(f"instance {instance.id} ended by itself: {why}")

    def _cut_and_restore(self) -> None:
        for number, step in enumerate(self._steps, 1):
            self._pause(step.quiet)
            fault = f"f{number}"
            self._log(FaultIntended(fault, kind="cut", target=LINK.name, undo={"restore": LINK.name}))
            self._journal.append(FaultInjected(fault).at(self._bench.switch(on=False)))
            self._pause(step.length)
            restored = self._bench.switch(on=True)
            self._journal.append(FaultReverted(fault, by="schedule").at(restored))
            self._news.put(restored)
        self._pause(QUIET_S[1])

    def _start_thread(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread; its news, its end (None) and its errors arrive through `_next_news`."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:
                self._news.put(error)
            else:
                self._news.put(None)

        self._working = threading.Thread(target=guarded, name="calibration", daemon=True)
        self._working.start()

    def _next_news(self) -> float | None:
        """Return when the link was restored, 0 if there is no news, None at the thread's end. Raise the thread's error."""
        try:
            news = self._news.get_nowait()
        except queue.Empty:
            return 0.0
        if isinstance(news, Exception):
            raise news
        return news

    def _pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise Interrupted

    def _close(self) -> None:
        """End load, telemetry and bench, each even if the one before failed."""
        self._log(PhaseStarted("down"))
        self.stopping.set()
        for where, stop in self._endings():
            try:
                self._log(stop())
            except Exception as error:
                self._log(RunError(where=where, why=f"{type(error).__name__}: {error}"))
        if self._working is not None:
            # Something being created right now, such as a network, must exist before everything is removed.
            self._working.join(SETTLE_S)
        self.left += self._bench.down()
        self._log(CleanupDone(clean=not self.left, left=tuple(self.left)))
        self._journal.close()
        if self.left:
            self._screen.say(f"left behind: {'; '.join(self.left)}")

    def _endings(self) -> Iterator[tuple[str, Callable[[], JournalEvent]]]:
        yield LoadStopped.KIND, self._bench.load.stop
        yield TelemetryStopped.KIND, self._stop_watch

    def _stop_watch(self) -> JournalEvent:
        self._bench.watch.stop()
        return TelemetryStopped()

    def _log(self, event: JournalEvent) -> None:
        self._journal.append(event.at(self._clock.now()))

    def _started(self) -> RunStarted:
        return RunStarted(
            self._settings.run,
            scenario="calibration",
            substrate=self._settings.substrate,
            why=self._why,
            seed=self._settings.seed,
            rate=RATE,
            started=self._clock.started.isoformat(timespec="milliseconds"),
            version=version("gameday-runner"),
            host=f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}",
        )
