"""Bounded waiting for what happens in another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 30.0
POLL_S = 0.01


def until(condition: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    """Wait until `condition` is true; raise AssertionError naming `what` if it isn't within `within_s` seconds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(POLL_S)
