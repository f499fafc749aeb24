"""Delivery of pages: a thread and a bounded queue for each receiver, so that one that hangs delays no other.

Only `close` blocks, and it is bounded. A failed delivery is reported, never raised, and never with the receiver's
address, which is a secret.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import Message
from typing import IO, Any

from gameday.host.http_client import open_url
from gameday.paging.payloads import Action, Page, payload
from gameday.paging.target import Target

TIMEOUT_S = 3.0
"""How long a connection, and each wait for an answer, may take."""
BACKOFF_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses before each retry."""
QUEUE_LENGTH = 100
MAX_PAUSE_S = 10.0
RETRIED_STATUSES = (408, 425, 429)
"""Statuses that are retried, beside 5xx."""

ReportDelivery = Callable[[str, Action, Target, str | None], None]
"""(alert, action, receiver, why it failed or None), called in the receiver's thread."""


class Pager:
    """Sends the pages of one run to all receivers; `close` resolves those that are still open.

    It knows the pages that it triggered. After a crash, another Pager can resolve a page of the same run and alert.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        report: ReportDelivery,
        *,
        timeout: float = TIMEOUT_S,
        backoff: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._receivers = [_Receiver(target, report, timeout, backoff) for target in targets]
        self._open: dict[str, Page] = {}
        self._lock = threading.Lock()

    def trigger(self, page: Page) -> None:
        with self._lock:
            self._open[page.alert] = page
        self._send("trigger", page)

    def acknowledge(self, alert: str, by: str) -> None:
        """Send an acknowledgement; a no-op if the alert wasn't triggered."""
        with self._lock:
            page = self._open.get(alert)
        if page is not None:
            self._send("acknowledge", page, by)

    def resolve_alert(self, alert: str) -> None:
        """Resolve the page of an alert; a no-op if none is open."""
        with self._lock:
            page = self._open.get(alert)
        if page is not None:
            self.resolve(page)

    def resolve(self, page: Page) -> None:
        with self._lock:
            self._open.pop(page.alert, None)
        self._send("resolve", page)

    def close(self, patience: float = 5.0) -> Sequence[Target]:
        """Resolve open pages and wait up to `patience` seconds; return the receivers that didn't finish."""
        with self._lock:
            pages, self._open = list(self._open.values()), {}
        for page in pages:
            self._send("resolve", page)
        until = time.monotonic() + patience
        for receiver in self._receivers:
            receiver.finish()
        return [
            receiver.target
            for receiver in self._receivers
            if not receiver.wait_finished(until - time.monotonic())
        ]

    def _send(self, action: Action, page: Page, by: str = "") -> None:
        for receiver in self._receivers:
            receiver.enqueue(action, page, by)


class _Receiver:
    """One target with its queue and thread."""

    def __init__(
        self, target: Target, report: ReportDelivery, timeout: float, backoff: Sequence[float]
    ) -> None:
        self.target = target
        self._report, self._timeout, self._backoff = report, timeout, backoff
        self._queue: queue.Queue[tuple[Action, Page, str] | None] = queue.Queue(QUEUE_LENGTH)
        self._closed, self._given_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver_queue, name="pages", daemon=True)
        self._thread.start()

    def enqueue(self, action: Action, page: Page, by: str) -> None:
        try:
            if self._closed.is_set():
                raise queue.Full
            self._queue.put_nowait((action, page, by))
        except queue.Full:
            why = (
                "the run has ended"
                if self._closed.is_set()
                else f"{QUEUE_LENGTH} messages are queued already"
            )
            self._report(page.alert, action, self.target, why)

    def finish(self) -> None:
        """End the thread once its queue is empty; if the queue is full, `wait_finished` gives up on it."""
        self._closed.set()
        with suppress(queue.Full):
            self._queue.put_nowait(None)

    def wait_finished(self, patience: float) -> bool:
        """Return whether everything was sent within `patience` seconds; nothing is tried or reported after them."""
        self._thread.join(max(0.0, patience))
        self._given_up.set()
        return not self._thread.is_alive()

    def _deliver_queue(self) -> None:
        while (item := self._queue.get()) is not None:
            action, page, by = item
            body = json.dumps(payload(self.target, action, page, by)).encode()
            why = self._deliver(body)
            if self._given_up.is_set():
                return
            self._report(page.alert, action, self.target, why)

    def _deliver(self, body: bytes) -> str | None:
        """Send with retries; return why the last attempt failed, None if the receiver took it."""
        why: str | None = None
        for pause in (*self._backoff, None):
            why, retry_after = self._attempt(body)
            if why is None or retry_after is None or pause is None:
                return why
            if self._given_up.wait(min(max(pause, retry_after), MAX_PAUSE_S)):
                return why
        return why

    def _attempt(self, body: bytes) -> tuple[str | None, float | None]:
        """Return (why it failed or None, seconds until a retry makes sense; None if it makes none)."""
        headers = {"Content-Type": "application/json", "User-Agent": "gameday"}
        request = urllib.request.Request(  # noqa: S310  (`read_target` allows http and https only)
            self.target.url, body, headers, method="POST"
        )
        try:
            with open_url(request, self._timeout, _NoRedirect()):
                return None, None
        except urllib.error.HTTPError as error:
            error.close()
            retry = error.code >= 500 or error.code in RETRIED_STATUSES
            return f"HTTP {error.code}", _seconds(error.headers.get("Retry-After")) if retry else None
        except TimeoutError:
            return f"no answer within {self._timeout:g} s", 0.0
        except urllib.error.URLError as error:
            return f"can't be reached ({type(error.reason).__name__})", 0.0
        except Exception as error:  # a receiver may break the protocol in any way
            return f"the answer isn't HTTP ({type(error).__name__})", 0.0


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would carry secrets to another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message[str, str],
        newurl: str,
    ) -> Any:
        return None
