"""Requests that a runner left to be made, such as the resolving of a page: in parallel, each bounded.

`PendingRequests` makes each once, for a runner that died. `LateRequests` makes those that a receiver refused, again and
again with back-off.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as await_all
from contextlib import suppress

from gameday.host.http_client import open_url
from gameday.reaper.runner_messages import PendingRequest

TIMEOUT_S = 3.0
MOST_S = 5.0
AT_ONCE = 8
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses before the first, second, … repetition of a late request; the last one repeats."""
GIVE_UP_S = 600.0
"""How long a late request is repeated."""


class PendingRequests:
    """Makes the requests from its construction on. Every URL is from the runner's own configuration."""

    def __init__(self, pending: Sequence[PendingRequest]) -> None:
        self._begun: list[tuple[PendingRequest, Future[None]]] = []
        if pending:
            pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pending")
            self._begun = [(request, pool.submit(_post, request)) for request in pending]
            pool.shutdown(wait=False)

    def succeeded(self) -> list[PendingRequest]:
        """Wait a few seconds and return the requests that were answered without an error."""
        await_all([future for _, future in self._begun], MOST_S)
        return [request for request, future in self._begun if future.done() and future.exception() is None]


class LateRequests:
    """Repeats requests with back-off until they succeed or `give_up` seconds have passed. Thread-safe.

    `resolved(run, alert)` is called once the last late request of an alert has succeeded.
    """

    def __init__(
        self,
        resolved: Callable[[str, str], None],
        *,
        back_off: Sequence[float] = BACK_OFF_S,
        give_up: float = GIVE_UP_S,
    ) -> None:
        self._resolved = resolved
        self._back_off = back_off
        self._give_up = give_up
        self._lock = threading.Lock()
        self._open: Counter[tuple[str, str]] = Counter()
        self._threads: list[threading.Thread] = []

    def add(self, requests: Sequence[PendingRequest]) -> None:
        """Begin to repeat requests."""
        with self._lock:
            for request in requests:
                self._open[request["run"], request["alert"]] += 1
                thread = threading.Thread(target=self._repeat, args=(request,), name="late", daemon=True)
                self._threads.append(thread)
        for thread in self._threads[-len(requests) :] if requests else ():
            thread.start()

    def finish(self) -> None:
        """Wait until every request has succeeded or was given up."""
        for thread in self._threads:
            thread.join()

    def _repeat(self, request: PendingRequest) -> None:
        deadline, attempt = time.monotonic() + self._give_up, 0
        while time.monotonic() < deadline:
            with suppress(Exception):  # a receiver may break the protocol in any way
                _post(request)
                self._count_resolved(request)
                return
            time.sleep(self._back_off[min(attempt, len(self._back_off) - 1)])
            attempt += 1

    def _count_resolved(self, request: PendingRequest) -> None:
        about = request["run"], request["alert"]
        with self._lock:
            self._open[about] -= 1
            last = not self._open[about]
        if last and request["alert"]:
            self._resolved(*about)


def _post(pending: PendingRequest) -> None:
    """Raise OSError if the answer is an error or doesn't arrive."""
    if not pending["url"].startswith(("http://", "https://")):
        raise ValueError("not an http address")
    headers = {"Content-Type": "application/json", **pending["headers"]}
    body = json.dumps(pending["body"]).encode()
    request = urllib.request.Request(pending["url"], body, headers, method="POST")  # noqa: S310 - looked at above
    with open_url(request, TIMEOUT_S):
        pass
