"""Where the trials of a suite are made: here, or, where several go on at once, each lane in a process of its own.

Runs that shared one interpreter would wait for each other, and the wait would be taken for the system's. A lane keeps
its own system up between its trials. It ends in order on a signal, when its suite does, and when that was killed.
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
from gameday.execution.system_reuse import NUMBERS, Kept, Signals, Wanted, wanted
from gameday.execution.trial import Options, Trial, play
from gameday.host.child_python import protect_spawned_children
from gameday.ports import PortError

if TYPE_CHECKING:
    from gameday.analysis import Outcome

ENDS_S = 120.0
"""How long a lane's system may take to go down."""


@dataclass(frozen=True)
class Order:
    """A run to be made in `out`; `then` is what the next one of the lane wants, None where none follows."""

    trial: Trial
    options: Options
    out: Path
    then: Wanted | None


class Player(Protocol):
    """Makes runs, one after the other."""

    def play(self, order: Order) -> Outcome:
        """The outcome. Raises PortError."""
        ...

    def finish(self) -> None:
        """Takes down what is up."""
        ...


@dataclass
class Here:
    """In this process."""

    signals: Signals
    kept: Kept = field(default_factory=Kept)

    def play(self, order: Order) -> Outcome:
        self.kept.then = order.then
        return play(order.trial, order.options, order.out, self.kept, self.signals)

    def finish(self) -> None:
        self.kept.finish()


class Apart:
    """In a process of its own, begun with the first run. A signal that ends it alone ends the whole suite.

    `work` is what the process does with its end of the line.
    """

    def __init__(self, signals: Signals, work: Callable[[Connection], None] | None = None) -> None:
        self._signals = signals
        self._work = work or serve
        self._process: Any = None
        self._line: Connection | None = None

    def play(self, order: Order) -> Outcome:
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
        """Signals wait until it knows what to do with them."""
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


class Named:
    """A standard error whose lines begin with the name of what runs, each written at once: lanes share it."""

    def __init__(self, descriptor: int) -> None:
        self.name = ""
        self._descriptor = descriptor
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            told = "".join(f"{self.name}  {line}".rstrip() + "\n" for line in lines)
            try:
                os.write(self._descriptor, told.encode(errors="replace"))
            except OSError:  # whoever read it went away; the work goes on
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._descriptor)
        return len(text)

    def flush(self) -> None:
        """Whole lines are out already."""

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._descriptor


def serve(line: Connection) -> None:
    """The lane's own process: plays what `line` brings and answers (outcome or exception, the signal that came)."""
    told = Named(2)
    sys.stderr = cast(TextIO, told)
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    with Signals().caught() as signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)
        threading.Thread(target=_listen, args=(line, orders), daemon=True).start()
        here = Here(signals)
        try:
            while order := orders.get():
                told.name = order.trial.scenario.name
                line.send((_played(here, order), signals.asked))
        except OSError:
            pass  # the suite is gone; nobody waits for the answer
        finally:
            here.finish()


def _played(here: Here, order: Order) -> Any:
    try:
        return here.play(order)
    except Exception as error:
        return error


def _listen(line: Connection, orders: queue.SimpleQueue[Order | None]) -> None:
    """Also while a run goes on, so that it ends when the suite was killed."""
    try:
        while True:
            orders.put(line.recv())
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
        orders.put(None)


def partition(planned: Sequence[Turn], most: int) -> list[list[Turn]]:
    """As many lanes as `most`, each about as long as the others, in the order planned; all trials of a scenario in one.

    Scenarios that want the same system stay together while that leaves no lane over its share of the time, and those
    that name the same port always: two systems can't listen there at once.
    """
    lanes: list[list[Turn]] = [[] for _ in range(most)]
    for piece in sorted(_pieces(planned, length(planned) / most), key=length, reverse=True):
        min(lanes, key=length).extend(piece)
    place = {id(turn): index for index, turn in enumerate(planned)}
    for lane in lanes:
        lane.sort(key=lambda turn: place[id(turn)])
    return [lane for lane in lanes if lane]


def length(turns: Sequence[Turn]) -> float:
    """Expected seconds."""
    return sum(turn.expected for turn in turns)


def _pieces(planned: Sequence[Turn], share: float) -> list[list[Turn]]:
    """What goes to one lane undivided."""
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
