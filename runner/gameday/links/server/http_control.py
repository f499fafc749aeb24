"""A small HTTP/1.1 server for the control plane: requests in, responses out, nothing about proxies.

Parsing is httptools'. Whatever comes in, it answers or closes the connection; it never lets an error out.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools

log = logging.getLogger(__name__)

# The real server has no limit. A server with a secret belongs to a run, whose own client sends some 100 bytes a proxy:
# an account without the secret must not fill its memory.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
MAX_WITH_SECRET_BYTES = 1024 * 1024
# How long a connection may go without completing a request.
IDLE_TIMEOUT_S = 60.0

# Where a client brings the secret of a server that has one.
SECRET_HEADER = b"x-gameday-secret"

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

ABSOLUTE = re.compile(rb"^https?://[^/?]*", re.IGNORECASE)
"""The beginning of a target that names the server, as clients send it that take this server for their HTTP proxy."""

_request_ids = itertools.count(1)


@dataclass
class Request:
    method: str = ""
    target: bytes = b""
    agent: str = ""
    secret: bytes = b""
    body: bytearray = field(default_factory=bytearray)
    keep_alive: bool = False

    @property
    def path(self) -> str:
        target = ABSOLUTE.sub(b"", self.target) or b"/"
        return target.split(b"?", 1)[0].decode("latin-1")


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, keep_alive: bool, *, head: bool = False) -> bytes:
        """Return the bytes to send; without the body if the request's method was HEAD."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"X-Toxiproxy-Request-Id: {next(_request_ids):020d}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if self.status != HTTPStatus.NO_CONTENT:
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else self.body)


Respond = Callable[[Request], Awaitable[Response]]


class WebProtocol(asyncio.Protocol):
    """One connection of an API client; its requests are answered one after the other."""

    def __init__(self, respond: Respond, max_bytes: int = MAX_REQUEST_BYTES) -> None:
        self._respond = respond
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._size = 0
        self._waiting: deque[Request] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._expiry: asyncio.TimerHandle | None = None

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._expiry is not None:
            self._expiry.cancel()

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered like any other request, but the parser takes nothing after it.
            self._waiting[-1].keep_alive = False
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)

    # httptools

    def on_url(self, url: bytes) -> None:
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"user-agent":
            self._request.agent = value.decode("latin-1")
        elif name.lower() == SECRET_HEADER:
            self._request.secret = value
        elif name.lower() == b"expect" and value.lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._request.body += body

    def on_message_complete(self) -> None:
        request, self._request, self._size = self._request, Request(), 0
        request.method = self._parser.get_method().decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        self._waiting.append(request)
        self._expect_request()
        if self._answering is None:
            # While requests wait none is read, so that a client can't pile them up.
            self._transport.pause_reading()
            self._answering = self._loop.create_task(self._answer_all())

    # answers

    async def _answer_all(self) -> None:
        while self._waiting and not self._transport.is_closing():
            request = self._waiting.popleft()
            response = await self._answer(request)
            if self._transport.is_closing():
                return
            self._transport.write(response.encoded(request.keep_alive, head=request.method == "HEAD"))
            if not request.keep_alive:
                self._transport.close()
        self._answering = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

    async def _answer(self, request: Request) -> Response:
        try:
            response = await self._respond(request)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, f"{error!r}\n".encode())
        log.debug("%s %s %s", request.method, request.path, response.status)
        return response

    def _refuse(self, status: HTTPStatus) -> None:
        if not self._transport.is_closing():
            body = f"{status.value} {status.phrase}\n".encode()
            self._transport.write(Response(status, body).encoded(keep_alive=False))
            self._transport.close()

    def _expect_request(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = self._loop.call_later(IDLE_TIMEOUT_S, self._transport.close)
