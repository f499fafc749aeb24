"""Base of every toxic: its attributes, and a stage that works on one direction of one connection.

A new toxic is one file beside this one: a frozen dataclass of whole numbers (its attributes, all with a default) whose
`stage` makes the stage, and one line in the registry of the package. Connections, draws of toxicity and the HTTP API
are none of its business.
"""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

READ_BYTES = 32 * 1024
"""The most that the real server reads at a time; toxics that work on chunks work on chunks of this size."""

# The longest a single timer is armed for, in seconds; a longer wait is armed again.
_LONGEST_TIMER_S = 3600.0


class Sink(Protocol):
    """The next stage, or the end of the pipe."""

    def feed(self, data: bytes) -> None: ...

    def eof(self) -> None: ...


class Line(Protocol):
    """The services of a pipe for its stages."""

    loop: asyncio.AbstractEventLoop

    def finish(self) -> None:
        """Take nothing more from the source, and let the next end that comes through close the connection."""

    def reset(self) -> None:
        """End the connection on both sides with a TCP reset."""

    def pause(self, who: object) -> None:
        """Stop reading from the source until every stage that paused has resumed."""

    def resume(self, who: object) -> None: ...


@dataclass(frozen=True)
class Attributes(ABC):
    """The attributes of one toxic type: whole numbers, zero by default."""

    def problem(self) -> str | None:
        """Return why these values are invalid, or None if they are valid."""
        return None

    @abstractmethod
    def stage(self, line: Line) -> Stage:
        """Return a stage for one direction of one connection."""


class Stage:
    """One toxic at work on one direction of one connection. The base passes everything on at once."""

    resets = False
    """True if the connection ends with a reset, whichever side ends it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.next: Sink

    def feed(self, data: bytes) -> None:
        self.next.feed(data)

    def eof(self) -> None:
        self.next.eof()

    def release(self) -> None:
        """Pass on held data at once: the toxic is about to be changed or removed."""

    def removed(self) -> None:
        """Note that the toxic was removed (after `release`)."""

    def cut(self) -> None:
        """Close the connection; data passed on before are still delivered."""
        self.line.finish()
        self.next.eof()

    def inherit(self, before: Stage) -> None:
        """Take over the state of the stage that this one replaces, when the toxic was changed."""

    def dropped(self) -> None:
        """Drop timers and data: the connection has ended."""


class Timer:
    """One re-armable call at a moment of the monotonic clock, never before it.

    uvloop rounds delays to milliseconds and counts from a cached clock, so that a timer may fire early.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._due = 0.0
        self._handle: asyncio.Handle | None = None

    @property
    def armed(self) -> bool:
        return self._handle is not None

    def arm(self, due: float) -> None:
        """Call at `due` (monotonic seconds); infinity is never."""
        self.cancel()
        self._due = due
        wait = due - time.monotonic()
        if wait <= 0:
            self._handle = self._loop.call_soon(self._fire)
        elif wait != math.inf:
            delay = math.ceil(min(wait, _LONGEST_TIMER_S) * 1000) / 1000
            self._handle = self._loop.call_later(delay, self._fire)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        if time.monotonic() < self._due:
            self.arm(self._due)
        else:
            self._call()


class Holding(Stage):
    """A stage that holds bytes back, and stops the source while it holds more than `capacity` bytes."""

    capacity = 64 * 1024

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.held = 0
        self._full = False

    def hold(self, size: int) -> None:
        self.held += size
        if self.held > self.capacity and not self._full:
            self._full = True
            self.line.pause(self)

    def let_go(self, size: int) -> None:
        self.held -= size
        if self._full and self.held <= self.capacity // 2:
            self._full = False
            self.line.resume(self)


class DelayLine(Holding):
    """A queue of chunks with a due time each (monotonic seconds), passed on in order; None stands for the end."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._timer = Timer(line.loop, self._pass_due)

    @property
    def empty(self) -> bool:
        return not self._queue

    def push(self, due: float, data: bytes | None) -> None:
        self._queue.append((due, data))
        if data is not None:
            self.hold(len(data))
        if not self._timer.armed:
            self._timer.arm(due)

    def release(self) -> None:
        self._timer.cancel()
        while self._queue:
            self._pass_head()

    def dropped(self) -> None:
        self._timer.cancel()
        self._queue.clear()

    def _pass_due(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0][0] <= now:
            self._pass_head()
        if self._queue:
            self._timer.arm(self._queue[0][0])

    def _pass_head(self) -> None:
        data = self._queue.popleft()[1]
        if data is None:
            self.next.eof()
        else:
            self.next.feed(data)
            self.let_go(len(data))
