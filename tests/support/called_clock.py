"""Callable clock for code that takes `time.monotonic` or the like."""

from __future__ import annotations


class Clock:
    """A clock that a test sets by hand: `clock.now += 1.0`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now
