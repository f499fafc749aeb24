"""What the edge's own checks say of each region: asked every half second, for whoever is on call.

Missing data is unknown: before the first answer, and when the last one is too old, there are no regions. What is new
is journalled by whoever reads it.
"""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gameday.host.http_client import DirectConnection
from gameday.ports import Health, PortError
from gameday.scenario.system_under_test import STOREFRONT

Address = tuple[str, int]
PATH = STOREFRONT.paths.status
OLDEST_S = 3.0
LARGEST = 65_536
"""Bytes of an answer; ten times what five regions take."""


class Status:
    """A `Sight`, with a thread of its own. `address` gives the edge's host and port, None while it has none.

    `every`: seconds between questions; `timeout`: seconds for each; `clock`: monotonic seconds.
    """

    def __init__(
        self,
        address: Callable[[], Address | None],
        token: str,
        every: float = 0.5,
        timeout: float = 0.4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._token = token
        self._every = every
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._regions: Mapping[str, Health] = {}
        self._answered = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; waits for a question under way."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2 * self._timeout + 1.0)

    def regions(self) -> Mapping[str, Health]:
        """By region, in the edge's order, what the last answer said; empty where that is unknown."""
        with self._lock:
            return self._regions if self._clock() < self._answered + OLDEST_S else {}

    def once(self) -> None:
        """One question; where there is no good answer all stays as it is, and grows old."""
        try:
            address = self._address()
            found = None if address is None else _read(self._ask(address))
        except (PortError, OSError, http.client.HTTPException, ValueError, RecursionError):
            return
        if found is not None:
            with self._lock:
                self._regions, self._answered = found, self._clock()

    def _run(self) -> None:
        due = self._clock()
        while not self._ended.wait(max(0.0, due - self._clock())):
            self.once()
            due = max(due + self._every, self._clock())

    def _ask(self, address: Address) -> bytes:
        """The answer's body. Raises OSError, HTTPException or ValueError."""
        until = self._clock() + self._timeout
        connection = DirectConnection(*address, timeout=self._timeout)
        try:
            connection.request("GET", PATH, headers={"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise ValueError(f"status {answer.status}")
            body = b""
            while part := answer.read1(LARGEST):
                body += part
                if len(body) > LARGEST or self._clock() > until:
                    raise ValueError("too long an answer")
            return body
        finally:
            connection.close()


def _read(body: bytes) -> Mapping[str, Health]:
    """ValueError where it isn't a status."""
    told: Any = json.loads(body)
    try:
        return {str(region): _health(each) for region, each in told["regions"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a status: {error!r}") from error


def _health(told: Mapping[str, Any]) -> Health:
    up, database, drained = (told[name] for name in ("up", "database", "drained"))
    if not all(isinstance(each, bool) for each in (up, database, drained)):
        raise ValueError("neither true nor false")
    since = float(told["since_s"])
    if not (math.isfinite(since) and since >= 0):
        raise ValueError(f"{since} s isn't how long something has been so")
    return Health(up, database, drained, since)
