"""Server-sent events of the live console: each reader gets the newest parts that it hasn't, however slow it is.

Nothing is queued for a reader: between two sends it misses frames, and the next one brings it up to date. So readers
that hang cost nothing but their connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from gameday.operator_api.live_console.page_source import PageFrame

PERIOD_S = 0.5
"""Between two frames, unless they cost too much."""
SHARE = 0.02
"""Share of a core that making frames may take: the period grows if frames are dear."""
LONGEST_PERIOD_S = 5.0
SEND_TIMEOUT_S = 20.0
"""A reader that takes nothing for so long is disconnected."""
BEAT_S = 3.0
"""An empty frame is sent after so long without a change, so that a page knows that it is connected."""
RETRY_MS = 1500


class Broadcast:
    """Makes frames for the roles that have readers, in a thread of its own, and wakes the readers in the server's loop."""

    def __init__(self, read: Callable[[str], PageFrame]) -> None:
        self._read = read
        self._frames: dict[str, PageFrame] = {}
        self._readers: dict[str, int] = {}
        self._changed: asyncio.Event | None = None
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to make frames for the loop's readers."""
        self._thread = threading.Thread(target=self._work, args=(loop,), name="live-console", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make no further frame. Idempotent."""
        self._stop.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    @contextlib.contextmanager
    def reading(self, role: str) -> Any:
        """Count a reader of the role while the block runs."""
        self._readers[role] = self._readers.get(role, 0) + 1
        self._wanted.set()
        try:
            yield
        finally:
            self._readers[role] -= 1

    async def changed(self) -> None:
        """Wait for the next frames."""
        if self._changed is None:
            self._changed = asyncio.Event()
        await self._changed.wait()

    def latest(self, role: str) -> PageFrame | None:
        """Return the newest frame of the role; None if none was made yet."""
        return self._frames.get(role)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            roles = [role for role, count in list(self._readers.items()) if count > 0]
            if not roles:
                self._wanted.clear()
                self._wanted.wait(1.0)
                continue
            begun, used = time.monotonic(), time.thread_time()
            for role in roles:
                with contextlib.suppress(Exception):  # a page that can't be made mustn't end the others
                    self._frames[role] = self._read(role)
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop is closed
                return
            period = min(max(PERIOD_S, (time.thread_time() - used) / SHARE), LONGEST_PERIOD_S)
            self._stop.wait(max(0.0, period - (time.monotonic() - begun)))

    def _wake(self) -> None:
        event, self._changed = self._changed, None
        if event is not None:
            event.set()


STOP_S = 2.0


class EventStream:
    """The ASGI response of one reader. `give_way` ends it, so that another reader has room."""

    def __init__(self, broadcast: Broadcast, role: str, give_way: asyncio.Event) -> None:
        self._broadcast, self._role, self._give_way = broadcast, role, give_way
        self._sent: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_ended(receive, self._give_way))
        try:
            with self._broadcast.reading(self._role):
                await self._send_frames(send, gone)
        except TimeoutError:
            scope["state"]["connection"].shutdown()
        finally:
            gone.cancel()

    async def _send_frames(self, send: Send, gone: asyncio.Task[None]) -> None:
        await _write(send, f"retry: {RETRY_MS}\n\n")
        last = -math.inf
        while not gone.done():
            frame = self._broadcast.latest(self._role)
            new = self._unsent(frame.parts) if frame else {}
            if frame and (new or frame.over or time.monotonic() - last >= BEAT_S):
                last = time.monotonic()
                await _write(send, _message(frame, new))
                self._sent.update(new)
                if frame.over:
                    break
            changed = asyncio.create_task(self._broadcast.changed())
            await asyncio.wait({gone, changed}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        await send({"type": "http.response.body", "body": b""})

    def _unsent(self, parts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: part for name, part in parts.items() if self._sent.get(name) != part}


def _message(frame: PageFrame, new: Mapping[str, Any]) -> str:
    document = {"parts": new, "over": frame.over, "replay": frame.replay, "epoch": frame.epoch}
    return f"data: {json.dumps(document, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def _write(send: Send, text: str) -> None:
    """Send a piece of the stream. Raise TimeoutError if the reader doesn't take it in time."""
    async with asyncio.timeout(SEND_TIMEOUT_S):
        body = text.encode("utf-8", "replace")
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _ended(receive: Receive, give_way: asyncio.Event) -> None:
    """Wait until the reader has hung up, or has to give way."""

    async def hung_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.create_task(hung_up()), asyncio.create_task(give_way.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
