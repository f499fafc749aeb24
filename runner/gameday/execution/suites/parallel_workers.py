"""Players of a suite's trials: in this process, or, if several run at once, each lane in a worker process.

Runs in one interpreter would wait for each other, and the wait would count as the system's. A lane keeps its own system
up between its trials. A worker ends in order on a signal, with its suite, and if its suite is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from gameday.execution.suites.selection import Turn
from gameday.execution.system_reuse import NUMBERS, Signals, SystemReuse, Wanted, wanted
from gameday.execution.trial import Options, Trial, play
from gameday.host.child_python import protect_spawned_children
from gameday.ports import PortError

if TYPE_CHECKING:
    from gameday.analysis import Outcome

ENDS_S = 120.0
"""How long a lane's system may take to be torn down."""


@dataclass(frozen=True)
class RunRequest:
    """A run to be made in `out`; `then` is what the lane's next run needs, None if none follows."""

    trial: Trial
    options: Options
    out: Path
    then: Wanted | None


class Player(Protocol):
    """Makes runs, one after the other."""

    def play(self, order: RunRequest) -> Outcome:
        """Make the run and return its outcome. Raise PortError."""
        ...

    def finish(self) -> None:
        """Tear down what is up."""
        ...


@dataclass
class InProcessPlayer:
    """Makes runs in this process."""

    signals: Signals
    kept: SystemReuse = field(default_factory=SystemReuse)

    def play(self, order: RunRequest) -> Outcome:
        self.kept.then = order.then
        return play(order.trial, order.options, order.out, self.kept, self.signals)

    def finish(self) -> None:
        self.kept.finish()


class WorkerPlayer:
    """Makes runs in a worker process, started with the first run. A signal that ends the worker ends the whole suite.

    `work` is what the worker does with its end of the pipe.
    """

    def __init__(self, signals: Signals, work: Callable[[Connection], None] | None = None) -> None:
        self._signals = signals
        self._work = work or serve
        self._process: Any = None
        self._line: Connection | None = None

    def play(self, order: RunRequest) -> Outcome:
        line = self._line or self._begin()
        with self._signals.to(lambda _: self._process.terminate()):
            try:
                line.send(order)
                answer, asked = line.recv()
            except (EOFError, OSError) as error:
                self._process.join(ENDS_S)
                name, status = order.trial.scenario.name, self._process.exitcode
                raise PortError(f"the process that ran {name} is gone, exit status {status}") from error
        if asked and not self._signals.asked:
            self._signals.ask(asked)
        if isinstance(answer, BaseException):
            raise answer
        outcome: Outcome = answer
        return outcome

    def finish(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        line.close()
        self._process.join(ENDS_S)
        if self._process.is_alive():
            self._process.kill()  # its reaper takes down what it leaves
            self._process.join(ENDS_S)

    def _begin(self) -> Connection:
        """Start the worker, with signals blocked until it handles them."""
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=self._work, args=(other,), name="lane")
        protect_spawned_children()
        resource_tracker.ensure_running()  # it would let signals through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other.close()
        return self._line


class PrefixedStderr:
    """A standard error shared by lanes: each line is written at once and begins with the name of the lane's scenario."""

    def __init__(self, descriptor: int) -> None:
        self.name = ""
        self._descriptor = descriptor
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            whole = "".join(f"{self.name}  {line}".rstrip() + "\n" for line in lines)
            try:
                os.write(self._descriptor, whole.encode(errors="replace"))
            except OSError:  # the reader is gone; go on without it
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._descriptor)
        return len(text)

    def flush(self) -> None:
        """Do nothing: whole lines are written at once."""

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._descriptor


def serve(line: Connection) -> None:
    """Run a worker: make the runs that arrive on `line`, answer (outcome or exception, the signal that arrived)."""
    output = PrefixedStderr(2)
    sys.stderr = cast(TextIO, output)
    orders: queue.SimpleQueue[RunRequest | None] = queue.SimpleQueue()
    with Signals().caught() as signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)
        threading.Thread(target=_listen, args=(line, orders), daemon=True).start()
        here = InProcessPlayer(signals)
        try:
            while order := orders.get():
                output.name = order.trial.scenario.name
                line.send((_played(here, order), signals.asked))
        except OSError:
            pass  # the suite is gone and waits for no answer
        finally:
            here.finish()


def _played(here: InProcessPlayer, order: RunRequest) -> Any:
    try:
        return here.play(order)
    except Exception as error:
        return error


def _listen(line: Connection, orders: queue.SimpleQueue[RunRequest | None]) -> None:
    """Receive requests, also during a run, so that the run ends if the suite is killed."""
    try:
        while True:
            orders.put(line.recv())
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        orders.put(None)


def partition(planned: Sequence[Turn], most: int) -> list[list[Turn]]:
    """Divide the trials into at most `most` lanes of about equal length, each in the order planned.

    All trials of a scenario are in one lane. Scenarios that need the same system run in one lane unless that would make
    it too long; scenarios that name the same port always do, since two systems can't listen on it at once.
    """
    lanes: list[list[Turn]] = [[] for _ in range(most)]
    for piece in sorted(_pieces(planned, length(planned) / most), key=length, reverse=True):
        min(lanes, key=length).extend(piece)
    place = {id(turn): index for index, turn in enumerate(planned)}
    for lane in lanes:
        lane.sort(key=lambda turn: place[id(turn)])
    return [lane for lane in lanes if lane]


def length(turns: Sequence[Turn]) -> float:
    """Return the expected seconds of all trials together."""
    return sum(turn.expected for turn in turns)


def _pieces(planned: Sequence[Turn], share: float) -> list[list[Turn]]:
    """Return the groups of trials that must stay in one lane."""
    pieces: dict[Any, list[Turn]] = {}
    for number, (system, group) in enumerate(groupby(planned, key=lambda turn: wanted(turn.chosen.scenario))):
        port = system[0].port
        if port is not None:
            pieces.setdefault(("port", port), []).extend(group)
            continue
        part = 0
        for _, own in groupby(group, key=lambda turn: turn.name):
            trials = list(own)
            if length(pieces.get((number, part), [])) + length(trials) > share:
                part += 1
            pieces.setdefault((number, part), []).extend(trials)
    return list(pieces.values())
