"""Sends pages, each receiver in a thread of its own with a bounded queue: one that hangs or fails holds up nobody else.

Nothing here blocks the caller but `close`, which is bounded. What can't be delivered is told, never raised, and never
with an address in it: that is a secret.
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

from gameday.paging.payloads import Action, Page, payload
from gameday.paging.target import Target

TIMEOUT = 3.0
"""Seconds for a connection, and for each wait on its answer."""
BACKOFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try."""
MOST_WAITING = 100
LONGEST_PAUSE = 10.0
AGAIN = (408, 425, 429)

Told = Callable[[str, Action, str, str | None], None]
"""(alert, action, receiver as it may be shown, why it wasn't delivered or None), called from the receiver's thread."""


class Pager:
    """Pages of one run, to all receivers; `close` resolves every page that still stands.

    It remembers what it triggered. After a crash, a new one with the same run can `resolve` by alert just as well.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        told: Told,
        *,
        timeout: float = TIMEOUT,
        backoff: Sequence[float] = BACKOFF,
    ) -> None:
        self._receivers = [_Receiver(target, told, timeout, backoff) for target in targets]
        self._standing: dict[str, Page] = {}
        self._lock = threading.Lock()

    def trigger(self, page: Page) -> None:
        with self._lock:
            self._standing[page.alert] = page
        self._all("trigger", page)

    def acknowledge(self, alert: str, by: str) -> None:
        """Of an alert that was triggered; of another it is nothing."""
        with self._lock:
            page = self._standing.get(alert)
        if page is not None:
            self._all("acknowledge", page, by)

    def resolve(self, page: Page) -> None:
        with self._lock:
            self._standing.pop(page.alert, None)
        self._all("resolve", page)

    def close(self, patience: float = 5.0) -> Sequence[str]:
        """Resolves what stands, waits `patience` seconds at most for the last messages; the receivers not done then."""
        with self._lock:
            standing, self._standing = list(self._standing.values()), {}
        for page in standing:
            self._all("resolve", page)
        until = time.monotonic() + patience
        for receiver in self._receivers:
            receiver.finish()
        return [each.target.shown for each in self._receivers if not each.finished(until - time.monotonic())]

    def _all(self, action: Action, page: Page, by: str = "") -> None:
        for receiver in self._receivers:
            receiver.send(action, page, by)


class _Receiver:
    """One target, its queue and its thread."""

    def __init__(self, target: Target, told: Told, timeout: float, backoff: Sequence[float]) -> None:
        self.target = target
        self._told, self._timeout, self._backoff = told, timeout, backoff
        self._waiting: queue.Queue[tuple[Action, Page, str] | None] = queue.Queue(MOST_WAITING)
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._closed, self._given_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="pages", daemon=True)
        self._thread.start()

    def send(self, action: Action, page: Page, by: str) -> None:
        try:
            if self._closed.is_set():
                raise queue.Full
            self._waiting.put_nowait((action, page, by))
        except queue.Full:
            why = "the run has ended" if self._closed.is_set() else f"{MOST_WAITING} messages wait already"
            self._told(page.alert, action, self.target.shown, why)

    def finish(self) -> None:
        """Ends the thread once its queue is empty. Where the queue is full, patience ends it."""
        self._closed.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)

    def finished(self, patience: float) -> bool:
        """Whether all was sent within so many seconds; after them nothing more is tried, nor told."""
        self._thread.join(max(0.0, patience))
        self._given_up.set()
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            action, page, by = item
            body = json.dumps(payload(self.target, action, page, by)).encode()
            why = self._delivered(body)
            if self._given_up.is_set():
                return
            self._told(page.alert, action, self.target.shown, why)

    def _delivered(self, body: bytes) -> str | None:
        """Tries until it is taken; why it wasn't, at last."""
        why: str | None = None
        for pause in (*self._backoff, None):
            why, again = self._once(body)
            if why is None or again is None or pause is None:
                return why
            if self._given_up.wait(min(max(pause, again), LONGEST_PAUSE)):
                return why
        return why

    def _once(self, body: bytes) -> tuple[str | None, float | None]:
        """(why not, seconds after which to try again; None where that is of no use)."""
        request = urllib.request.Request(  # noqa: S310  (`read_target` lets http and https through alone)
            self.target.url,
            body,
            {"Content-Type": "application/json", "User-Agent": "gameday"},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=self._timeout):
                return None, None
        except urllib.error.HTTPError as error:
            error.close()
            again = error.code >= 500 or error.code in AGAIN
            return f"HTTP {error.code}", _seconds(error.headers.get("Retry-After")) if again else None
        except TimeoutError:
            return f"no answer within {self._timeout:g} s", 0.0
        except urllib.error.URLError as error:
            return f"can't be reached ({type(error.reason).__name__})", 0.0
        except Exception as error:  # whatever a receiver does to the protocol
            return f"no answer that is HTTP ({type(error).__name__})", 0.0


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry what is secret somewhere else."""

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
