"""Standing faults: which faults turn a knob of the system now, so that a revert gives back only its own share.

A knob is one thing that a fault sets: the rate of the load, the behaviour of a third party, a cut link, the limits of an
instance. Several faults may stand on one knob. Each has its share in the book, under its mark; the knob is set to what all
shares together make, and to normal once none is left. The book is the runner's own: another process that reverts faults
from the journal has an empty one, and its reverts set knobs to normal.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

Apply = Callable[[Sequence[Any]], None]
"""Set a knob to what these shares make together, the oldest first; to normal if there are none."""


class StandingFaults:
    """The book of one run. Thread-safe; knobs are set one at a time."""

    def __init__(self) -> None:
        self._shares: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._lock = threading.Lock()
        self._knobs: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def put(self, knob: str, mark: str, share: Any, apply: Apply) -> None:
        """Enter or change the share of a fault, and set the knob."""
        with self._knob(knob):
            self._shares[knob][mark] = share
            apply(tuple(self._shares[knob].values()))

    def take(self, knob: str, mark: str, apply: Apply) -> None:
        """Give back the share of a fault, and set the knob. Idempotent, also for a fault that never entered one."""
        with self._knob(knob):
            self._shares[knob].pop(mark, None)
            apply(tuple(self._shares[knob].values()))

    def hold(self, knob: str, mark: str, on: Callable[[], object]) -> None:
        """Turn a knob that is on or off; no-op if another fault has turned it on."""

        def first(shares: Sequence[Any]) -> None:
            if len(shares) == 1:
                on()

        self.put(knob, mark, True, first)

    def release(self, knob: str, mark: str, off: Callable[[], object]) -> None:
        """Turn such a knob off, unless another fault still stands on it."""

        def last(shares: Sequence[Any]) -> None:
            if not shares:
                off()

        self.take(knob, mark, last)

    def _knob(self, knob: str) -> threading.Lock:
        with self._lock:
            return self._knobs[knob]
