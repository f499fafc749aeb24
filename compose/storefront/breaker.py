"""A circuit breaker: a peer that fails most of its calls isn't asked any more, but for one call now and then.

    closed ──(half of at least 3 calls within 3 s failed)──> open ──(2 s)──> half-open: one call at a time
      ^──────────────(it was answered)──────────────────────────────────────────┘ │
                                               open again <──(it failed)──────────┘

It goes by the ratio over a moving window, not by failures in a row: those never come while half of the answers are
good. A failure is no answer, or a 5xx.
"""

import time
from collections import deque
from collections.abc import Callable

from .problems import Refused

WINDOW_S = 3.0
LEAST_CALLS = 3
RATIO = 0.5
OPEN_S = 2.0


class Breaker:
    """The breaker of one peer; a `guarded.Guard`."""

    def __init__(self, peer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._peer = peer
        self._clock = clock
        self._seen: deque[tuple[float, bool]] = deque()
        self._opened: float | None = None
        self._probing = False

    def admit(self) -> Callable[[bool | None, float], None]:
        """Return the function to call with the result. Raise Refused while open, and for all but
        one call at a time while half-open."""
        if self._opened is None:
            return self._counted
        if self._probing or self._clock() - self._opened < OPEN_S:
            raise Refused(self._peer, "its breaker is open")
        self._probing = True
        return self._probed

    def _counted(self, answered: bool | None, _seconds: float) -> None:
        if answered is None or self._opened is not None:
            # Never made; or it began before the breaker opened, and tells nothing of how the peer is now.
            return
        now = self._clock()
        self._seen.append((now, answered))
        while self._seen[0][0] < now - WINDOW_S:
            self._seen.popleft()
        failed = sum(not good for _, good in self._seen)
        if len(self._seen) >= LEAST_CALLS and failed >= RATIO * len(self._seen):
            self._opened = now
            self._seen.clear()

    def _probed(self, answered: bool | None, _seconds: float) -> None:
        self._probing = False
        if answered is not None:
            self._opened = None if answered else self._clock()
