from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from gameday.links.server.toxics.toxic_stage import Timer


class EarlyLoop:
    """A loop whose timers fire when the test says so, since uvloop's can fire up to a millisecond
    early."""

    def __init__(self) -> None:
        self.armed: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        self.armed.append((delay, call))
        return asyncio.Handle(call, (), self)  # type: ignore[arg-type]

    def call_soon(self, call: Callable[[], None]) -> asyncio.Handle:
        return self.call_later(0, call)

    def get_debug(self) -> bool:
        return False

    def fire(self) -> None:
        self.armed.pop()[1]()


def test_a_timer_that_fires_early_is_armed_again() -> None:
    """A timer never calls before its moment, and calls once the moment has come."""
    loop, called = EarlyLoop(), []
    timer = Timer(loop, lambda: called.append(time.monotonic()))  # type: ignore[arg-type]
    due = time.monotonic() + 0.02
    timer.arm(due)
    while not called:
        loop.fire()
    assert called[0] >= due
    assert loop.armed == []
    assert not timer.armed


def test_a_timer_may_be_moved_cancelled_or_never_due() -> None:
    """Only the last moment counts; infinity arms no timer; a far moment is waited for in parts."""
    loop = EarlyLoop()
    timer = Timer(loop, lambda: None)  # type: ignore[arg-type]
    timer.arm(time.monotonic() + 1e15)
    assert loop.armed[-1][0] <= 3600
    timer.arm(math.inf)
    assert not timer.armed
    timer.arm(time.monotonic() + 5)
    assert timer.armed
    timer.cancel()
    assert not timer.armed
