"""Runs the trials of a suite: what runs when and where, what is retried, and when to stop.

`selection` chooses the scenarios and their order, `parallel_workers` makes the runs, `suite_output` writes the result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from gameday.analysis import Outcome
from gameday.analysis.model.baseline_model import MachineSpeed
from gameday.analysis.model.suite_model import SuiteInfo
from gameday.analysis.outcome.run_verdict import INCONCLUSIVE, PASS
from gameday.analysis.trials.suite_result import Attempt, Entry
from gameday.execution.suites.parallel_workers import (
    InProcessPlayer,
    Player,
    RunRequest,
    WorkerPlayer,
    length,
)
from gameday.execution.suites.selection import Turn, spoken
from gameday.execution.suites.suite_output import Done
from gameday.execution.system_reuse import Signals, wanted
from gameday.execution.trial import Options, Trial
from gameday.ports import PortError


@dataclass(frozen=True)
class Rules:
    """When to pause, retry and stop. `most` and `pause` are seconds; only inconclusive trials are retried."""

    fail_fast: bool = False
    most: float | None = None
    pause: float | None = None
    retries: int = 0


@dataclass
class Lane:
    """Trials made one after the other by the same player; `expected` and `paused` are seconds so far."""

    turns: Sequence[Turn]
    player: Player
    expected: float = 0.0
    paused: float = 0.0
    index: int = 0


@dataclass
class Series:
    """The trials of one suite. `lanes` hold all of `planned`; `crowded` is why times can't be trusted, "" if they can.

    `done` may be called at any time, also after the suite was interrupted.
    """

    planned: Sequence[Turn]
    lanes: Sequence[Sequence[Turn]]
    rules: Rules
    options: Options
    folder: Path
    signals: Signals
    substrate: tuple[str, str]
    seed: int
    crowded: str = ""
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)
    _running: list[Lane] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _defect: bool = False

    def run(self) -> None:
        """Make every trial, or as many as the rules allow."""
        several = len(self.lanes) > 1
        self._running = [
            Lane(turns, WorkerPlayer(self.signals) if several else InProcessPlayer(self.signals))
            for turns in self.lanes
        ]
        if not several:
            for lane in self._running:
                self._whole(lane)
            return
        with ThreadPoolExecutor(len(self._running), "lane") as pool:
            futures = [pool.submit(self._whole, lane) for lane in self._running]
            wait(futures)
        for future in futures:
            future.result()

    def done(self) -> Done:
        """Return the suite as far as it was run. Thread-safe."""
        with self._lock:
            entries = [self._entry(turn) for turn in self.planned if turn.number == 0]
            return Done(self.folder, self._info(), entries, self.signals.asked is not None, self.broken)

    def _whole(self, lane: Lane) -> None:
        """Run a lane to its end. A failure of the tool in one lane ends the suite: other lanes begin nothing more."""
        try:
            self._all(lane)
        except PortError as error:
            self.broken = self.broken or str(error)
        except BaseException:
            self._defect = True
            raise
        finally:
            lane.player.finish()

    def _all(self, lane: Lane) -> None:
        for index, turn in enumerate(lane.turns):
            lane.index = index
            if index and turn.number == 0 and self.rules.pause:
                self._pause(self.rules.pause, turn, lane)
            if stop := self._stop(turn):
                with self._lock:
                    self.missing |= {rest.name: stop for rest in lane.turns[index:]}
                return
            self._print_progress(lane)
            self._trial(turn, lane)

    def _trial(self, turn: Turn, lane: Lane) -> None:
        """Make a trial; retry it with the same seed while it is inconclusive and retries are left."""
        after = lane.turns[lane.index + 1 :]
        order = RunRequest(
            Trial(turn.chosen.path, turn.chosen.scenario, self.seed + turn.number, *self.substrate),
            replace(self.options, variant=turn.chosen.variant),
            self.folder / turn.home,
            wanted(after[0].chosen.scenario) if after else None,
        )
        for retries in range(self.rules.retries, -1, -1):
            lane.expected += turn.expected
            outcome = lane.player.play(order)
            again = retries > 0 and outcome.exit_status == INCONCLUSIVE and not self._stop(turn)
            attempt = self._attempt(turn, outcome, again)
            with self._lock:
                self.attempts.setdefault(turn.name, []).append(attempt)
            self._keep()
            if not again:
                return
            click.echo(f"suite  {turn.name} was inconclusive, so it is run again", err=True)

    def _keep(self) -> None:
        """Write suite.json with all that is known by now, one lane at a time."""
        done = self.done()
        with self._lock:
            done.keep()

    def _attempt(self, turn: Turn, outcome: Outcome, again: bool) -> Attempt:
        from gameday.analysis.trials.gate.machine_speed import machine_speed

        folder = turn.home / outcome.run.id
        try:
            speed = machine_speed(self.folder / folder, outcome)
        except (OSError, ValueError, LookupError):  # an aborted run may have left nothing to read
            speed = MachineSpeed()
        return Attempt(outcome, folder.as_posix(), speed, again)

    def _entry(self, turn: Turn) -> Entry:
        scenario, own = turn.chosen.scenario, self.attempts.get(turn.name, [])
        trials = sum(planned.name == turn.name for planned in self.planned)
        variants = {
            planned.name
            for planned in self.planned
            if planned.chosen.path == turn.chosen.path and planned.chosen.variant
        }
        counted = [planned for planned in own if not planned.retried]
        report = Path(counted[0].folder, "report.html") if counted else None
        missing = self.missing.get(turn.name) or (self.broken if len(counted) < trials else "")
        return Entry(
            scenario.name,
            scenario.title,
            _shown(turn.chosen.path),
            trials,
            own,
            variant=turn.chosen.variant,
            tags=scenario.tags,
            report=(turn.home / "trials.html" if len(counted) > 1 else report).as_posix() if report else None,
            matrix=(turn.home.parent / "matrix.html").as_posix() if variants & self.attempts.keys() else None,
            missing=missing,
        )

    def _info(self) -> SuiteInfo:
        runs = [attempt.outcome.run for own in self.attempts.values() for attempt in own]
        return SuiteInfo(
            id=self.folder.name,
            started=self.started.isoformat(timespec="seconds"),
            duration_s=round(time.monotonic() - self._began, 3),
            version=version("gameday-runner"),
            host=next((run.host for run in runs if run.host), None),
            at_once=max(1, len(self.lanes)),
            crowded=self.crowded,
            substrate=self.substrate[0],
            why=self.substrate[1],
            seed=self.seed,
        )

    def _stop(self, turn: Turn) -> str:
        """Return why no further trial may begin, "" if it may."""
        if self.signals.asked:
            return f"interrupted by {self.signals.asked}"
        if self.broken or self._defect:
            return self.broken or "a defect of gameday"
        with self._lock:
            owns = [attempt.outcome for own in self.attempts.values() for attempt in own]
        if self.rules.fail_fast and any(attempt.exit_status not in (PASS, INCONCLUSIVE) for attempt in owns):
            return "an earlier trial failed (--fail-fast)"
        most = self.rules.most
        if most is not None and time.monotonic() - self._began + turn.expected > most:
            return f"it would have ended after --max-duration, {spoken(most)}"
        return ""

    def _pause(self, most: float, turn: Turn, lane: Lane) -> None:
        """Pause between two scenarios; end early on a signal."""
        click.echo(f"suite  {spoken(most)} of pause before {turn.name}", err=True)
        over, began = threading.Event(), time.monotonic()
        with self.signals.to(lambda _: over.set()):
            over.wait(most)
        lane.paused += time.monotonic() - began

    def _print_progress(self, lane: Lane) -> None:
        """Print which trial begins, and the time left until the last lane is done."""
        turn = lane.turns[lane.index]
        place = next(index for index, planned in enumerate(self.planned) if planned is turn)
        trials = sum(planned.name == turn.name for planned in self.planned)
        which = f", trial {turn.number + 1} of {trials}" if trials > 1 else ""
        left = spoken(max(map(self._left, self._running)))
        click.echo(
            f"suite  {place + 1} of {len(self.planned)}: {turn.name}{which}; about {left} left", err=True
        )

    def _left(self, lane: Lane) -> float:
        """Return the seconds that a lane still needs, by the pace of its earlier trials."""
        spent, rest = time.monotonic() - self._began - lane.paused, lane.turns[lane.index :]
        pace = spent / lane.expected if lane.expected else 1.0
        return pace * length(rest) + (self.rules.pause or 0.0) * sum(
            planned.number == 0 for planned in rest[1:]
        )


def _shown(path: Path) -> str:
    """Return the path relative to the working directory if it is below it, as CI servers link to it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
