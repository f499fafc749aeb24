"""Limits on admission: requests of a client, retries, and calls in flight to a slow peer."""

import time
from collections import OrderedDict
from collections.abc import Callable

from .problems import Refused

# A client's requests: as many at once, and then as many a second.
BURST = 10.0
PER_SECOND = 5.0
CLIENTS = 20_000
# Repeats: a tenth of the requests, and as many saved up.
REPEATS = 0.1
SAVED = 10.0
# Calls under way to a peer: where the limit begins and what it stays between.
CALLS, FEWEST, MOST = 8.0, 1.0, 32.0
RETRY_AFTER_S = 1

Clock = Callable[[], float]


class RateLimit:
    """A token bucket for each client, the latest CLIENTS of them."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Whether one more request of that client is within its limit; if so it counts."""
        now = self._clock()
        tokens, since = self._buckets.pop(client, (BURST, now))
        tokens = min(BURST, tokens + (now - since) * PER_SECOND)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return allowed


class Budget:
    """Budget of retries: each first request adds a tenth of a retry, up to SAVED."""

    def __init__(self) -> None:
        self._saved = SAVED

    def earn(self) -> None:
        """A request came that is none of the repeats."""
        self._saved = min(SAVED, self._saved + REPEATS)

    def spend(self) -> bool:
        """Whether one more repeat is within the budget; if so it is spent."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Shedding:
    """Limit on calls in flight to a peer, as many as it answers in time; a `guarded.Guard`.

    Additive increase, multiplicative decrease: every answer in time raises the limit a little, a
    late one halves it, at most once in `bound_s`. So a queue is refused if it would only grow, and
    admitted calls are answered in time.
    """

    def __init__(self, peer: str, bound_s: float, clock: Clock = time.monotonic) -> None:
        self._peer = peer
        self._bound_s = bound_s
        self._clock = clock
        self._limit = CALLS
        self._under_way = 0
        self._halved = float("-inf")

    def admit(self) -> Callable[[bool | None, float], None]:
        """Return the function to call at the end. Raise Refused if the calls in flight have reached
        the limit."""
        if self._under_way >= self._limit:
            raise Refused(self._peer, "too much is waiting for it", RETRY_AFTER_S)
        self._under_way += 1
        return self._over

    def _over(self, answered: bool | None, seconds: float) -> None:
        self._under_way -= 1
        if seconds > self._bound_s:
            now = self._clock()
            if now - self._halved >= self._bound_s:
                self._limit = max(FEWEST, self._limit / 2)
                self._halved = now
        elif answered is not None:
            self._limit = min(MOST, self._limit + 1 / self._limit)
