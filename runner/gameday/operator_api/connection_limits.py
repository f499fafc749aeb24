"""Limits of the operators' API on connections: how many, how long, how many bytes, and who yields if it is full.

A connection carries one request. Until its head has shown the token it is a *stranger*, then a *guest*; a guest whose
request waits for an operation is a *long poll*. All of it runs in the server's loop, so nothing here is locked.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gameday.operator_api.json_answers import Answer, problem

MAX_CONNECTIONS = 64
MAX_LINGERING = 256
"""Connections that are refused and may still read why; of more than these the oldest are aborted."""
GRACE_S = 0.2
"""Seconds after which a connection whose request isn't complete may be dropped to make room."""
REQUEST_TIMEOUT_S = 5.0
"""Seconds for a whole request to arrive, and again for its answer to be taken."""
LINGER_S = 0.5
"""Seconds in which a client may read its answer and hang up, and …"""
LINGER_BYTES = 64 * 1024
"""… bytes that it may still send: closing a socket with unread bytes may lose the answer."""
HEAD_BYTES = 16 * 1024
REQUEST_BYTES = 512 * 1024
"""A whole request, the framing of its chunks and its trailers included."""


class ConnectionLimits:
    """The connections of one server: at most `most` at a time, three quarters of them long polls."""

    def __init__(self, most: int = MAX_CONNECTIONS) -> None:
        self.most = most
        self._strangers: dict[LimitedConnection, float] = {}
        self._guests: dict[LimitedConnection, float] = {}
        self._polls: dict[LimitedConnection, asyncio.Event] = {}
        self._lingering: dict[LimitedConnection, None] = {}

    def enter(self, connection: LimitedConnection, now: float) -> bool:
        """Count a new connection as a stranger; return False if the server is full."""
        if len(self._strangers) + len(self._guests) >= self.most and not self._make_room(now):
            return False
        self._strangers[connection] = now
        return True

    def _make_room(self, now: float) -> bool:
        """Drop the oldest stranger, else the oldest guest whose request is incomplete, if its grace is over."""
        uploads = (guest for guest in self._guests if not guest.complete)
        for connection in (next(iter(self._strangers), None), next(uploads, None)):
            since = self._strangers.get(connection, self._guests.get(connection)) if connection else None
            if connection is not None and since is not None and now >= since + GRACE_S:
                self.leave(connection)
                connection.transport.abort()
                return True
        return False

    def admit(self, connection: LimitedConnection) -> None:
        """Make a stranger that has shown the token a guest."""
        since = self._strangers.pop(connection, None)
        if since is not None:
            self._guests[connection] = since

    def poll(self, connection: LimitedConnection) -> asyncio.Event:
        """Count a guest as a long poll; return the event that tells it to answer at once.

        Of too many long polls the oldest is told to, so that none of them keeps other requests out.
        """
        while len(self._polls) >= max(1, self.most * 3 // 4):
            oldest = next(iter(self._polls))
            self._polls.pop(oldest).set()
        return self._polls.setdefault(connection, asyncio.Event())

    def linger(self, connection: LimitedConnection) -> None:
        """Count a connection as refused and about to close."""
        self.leave(connection)
        while len(self._lingering) >= MAX_LINGERING:
            oldest = next(iter(self._lingering))
            self.leave(oldest)
            oldest.transport.abort()
        self._lingering[connection] = None

    def leave(self, connection: LimitedConnection) -> None:
        """Forget a connection that is answered or gone. Idempotent."""
        self._strangers.pop(connection, None)
        self._guests.pop(connection, None)
        self._lingering.pop(connection, None)
        if poll := self._polls.pop(connection, None):
            poll.set()


class LimitedConnection(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 protocol for a single request, within the limits above.

    The request's `state.connection` is this object: the access guard admits it, a long poll registers with it.
    """

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.parser = httptools.HttpRequestParser(_SingleRequest(self))
        self.app_state = {**self.app_state, "connection": self}
        self.limits = limits
        self.headed = self.complete = self._refused = False
        self._received = self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None

    # what the protocol calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._abort_after(REQUEST_TIMEOUT_S)
        if not self.limits.enter(self, self.loop.time()):
            text = "too many connections; try again in a second"
            self.refuse(problem(503, text, {"Retry-After": "1"}))

    def connection_lost(self, exc: Exception | None) -> None:
        self.limits.leave(self)
        self._abort_after(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the request; drop what comes after it, so that a hang-up is noticed whatever a client sends."""
        if self._refused or self.complete:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES:
                self.transport.abort()
            return
        self._received += len(data)
        super().data_received(data)
        if self._refused or self.complete:
            return
        if not self.headed and self._received > HEAD_BYTES:
            self.refuse(problem(431, f"the head of the request is longer than {HEAD_BYTES} bytes"))
        elif self._received > REQUEST_BYTES:
            self.refuse(problem(413, f"the request is longer than {REQUEST_BYTES} bytes"))

    def send_400_response(self, msg: str) -> None:
        if not self.complete:
            self.refuse(problem(400, "malformed HTTP request"))

    def on_response_complete(self) -> None:
        self.limits.leave(self)
        super().on_response_complete()
        self._abort_after(REQUEST_TIMEOUT_S)

    def shutdown(self) -> None:
        """End the connection at once: called if the server closes."""
        self.transport.abort()

    # what the application calls

    def admit(self) -> None:
        """Say that the request has shown the token."""
        self.limits.admit(self)

    def poll(self) -> asyncio.Event:
        """Say that the request waits; return the event after which it has to be answered."""
        return self.limits.poll(self)

    # limits

    def request_complete(self) -> None:
        """Stop the time-out of the request: it has arrived."""
        self.complete = True
        self._abort_after(None)

    def refuse(self, answer: Answer) -> None:
        """Answer in the application's place, and close once the client has hung up or LINGER_S is over."""
        self._refused = True
        if self.cycle is not None and self.cycle.response_started:
            self.transport.abort()
            return
        self.limits.linger(self)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write(_encode(answer))
        self.transport.write_eof()
        self._abort_after(LINGER_S)

    def _abort_after(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


class _SingleRequest:
    """Parser callbacks of the first request of a connection: its trailers and any further request are dropped."""

    def __init__(self, connection: LimitedConnection) -> None:
        self._connection = connection
        self._head_bytes = 0

    def on_message_begin(self) -> None:
        if not self._connection.complete:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._fits(url):
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._fits(name, value):
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._fits():
            self._connection.headed = True
            self._connection.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._connection.headed and not self._connection.complete:
            self._connection.on_body(body)

    def on_message_complete(self) -> None:
        if self._connection.headed and not self._connection.complete:
            self._connection.request_complete()
            self._connection.on_message_complete()

    def _fits(self, *parts: bytes) -> bool:
        """Return whether these bytes belong to a head that is read, and is short enough."""
        self._head_bytes += sum(map(len, parts))
        return not self._connection.headed and self._head_bytes <= HEAD_BYTES


def _encode(answer: Answer) -> bytes:
    """Return a whole HTTP/1.1 response."""
    lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
