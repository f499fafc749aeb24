"""Edge status: each region's health according to the edge's own checks, polled every half second.

Missing data is unknown: before the first answer, and when the last one is too old, there are no regions. Journalling
changes is left to the caller.
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

    `every`: seconds between requests; `timeout`: seconds for each; `clock`: monotonic seconds.
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
        """Start polling in a thread."""
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a request in flight is awaited."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2 * self._timeout + 1.0)

    def regions(self) -> Mapping[str, Health]:
        """Return each region's health from the last answer, in the edge's order; empty if it is unknown."""
        with self._lock:
            return self._regions if self._clock() < self._answered + OLDEST_S else {}

    def once(self) -> None:
        """Send one request; without a good answer the last one is kept, and ages."""
        try:
            address = self._address()
            regions = None if address is None else _read(self._get(address))
        except (PortError, OSError, http.client.HTTPException, ValueError, RecursionError):
            return
        if regions is not None:
            with self._lock:
                self._regions, self._answered = regions, self._clock()

    def _run(self) -> None:
        due = self._clock()
        while not self._ended.wait(max(0.0, due - self._clock())):
            self.once()
            due = max(due + self._every, self._clock())

    def _get(self, address: Address) -> bytes:
        """Return the answer's body. Raise OSError, HTTPException or ValueError if there is no good answer."""
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
    """Return each region's health. Raise ValueError if the body isn't a status."""
    status: Any = json.loads(body)
    try:
        return {str(region): _health(health) for region, health in status["regions"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a status: {error!r}") from error


def _health(health: Mapping[str, Any]) -> Health:
    up, database, drained = (health[name] for name in ("up", "database", "drained"))
    if not all(isinstance(value, bool) for value in (up, database, drained)):
        raise ValueError("neither true nor false")
    since = float(health["since_s"])
    if not (math.isfinite(since) and since >= 0):
        raise ValueError(f"{since} s isn't how long something has been so")
    return Health(up, database, drained, since, asynchronous=health.get("asynchronous") is True)
