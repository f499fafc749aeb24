"""Waiting for a condition, always with a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
INTERVAL_S = 0.02


class NotInTime(TimeoutError):
    """A condition did not hold within its time limit."""


def wait_until(
    condition: Callable[[], T],
    within: float,
    awaited: str,
    *,
    every: float = INTERVAL_S,
    pause: Callable[[float], object] = time.sleep,
) -> T:
    """Return the first true value of `condition`, which is called at once and then every `every` seconds.

    `awaited` completes the message "… within 5 s": "the process has not ended". `pause(seconds)` waits between two
    calls; what it raises ends the wait. Raise NotInTime if `within` seconds pass without a true value; `condition` is
    called once more after they have passed.
    """
    end = time.monotonic() + within
    while True:
        now = time.monotonic()
        value = condition()
        if value:
            return value
        if now >= end:
            raise NotInTime(f"{awaited} within {within:g} s")
        pause(min(every, max(0.0, end - now)))
