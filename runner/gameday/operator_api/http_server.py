"""HTTP/1.1 for the door, in a thread of its own: one request a connection, on loopback only.

Parsing is httptools'. A connection has few seconds for its whole request, whatever the pace of its bytes; who isn't
let in is answered before the body is read; where too many are at the door, strangers who have had their chance are
dropped, so that they can't lock those out who hold the token. Nothing that comes in reaches the run but through `Api`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from contextlib import suppress
from http import HTTPStatus

import httptools

from gameday.operator_api.credentials import Key, new_token
from gameday.operator_api.endpoints import Api, Ask, Request, Response, State, problem

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MOST_CONNECTIONS = 64
MOST_REFUSED = 256
"""Connections that are told of being too many, at most; beyond them they are cut."""
CHANCE = 0.5
"""Seconds after which a connection that hasn't shown the token may be dropped for another."""
HEAD_BYTES = 16 * 1024
BODY_BYTES = 64 * 1024
PATIENCE = 5.0
"""Seconds for a whole request to arrive, and again for its answer to be taken."""
LINGER = 0.5
"""Seconds in which a client may take in its answer and hang up, and …"""
LINGER_BYTES = 64 * 1024
"""… bytes that it may still send: a connection cut with bytes unread might lose the answer."""
START = 5.0
CHUNK = 8 * 1024


class Door:
    """Open from `open` to `close`. `state` and `ask` are described in `api`; the server's thread never calls them."""

    def __init__(self, run: str, state: State, ask: Ask, *, most: int = MOST_CONNECTIONS) -> None:
        self._run, self._most = run, most
        self._token = new_token()
        self._api = Api(self._token, state, ask)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="door", daemon=True)
        self._ready = threading.Event()
        self._failed: Exception | None = None
        self._port = 0
        self._strangers: dict[asyncio.Task[None], float] = {}
        self._guests: set[asyncio.Task[None]] = set()
        self._refused: set[asyncio.Task[None]] = set()

    def open(self) -> Key:
        """Listens on a free port. Raises OSError."""
        self._thread.start()
        if not self._ready.wait(START):
            raise OSError("the operators' door did not open")
        if self._failed is not None:
            raise OSError(f"the operators' door did not open: {self._failed}")
        return Key(self._run, HOST, self._port, self._token)

    def close(self) -> None:
        """Drops every connection; bounded, and harmless where it never opened or is closed already."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread.is_alive():
            self._thread.join(START)

    def _serve(self) -> None:
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._enter, HOST, 0, limit=CHUNK, backlog=4 * self._most)
            )
        except OSError as error:
            self._failed = error
            self._ready.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._loop.run_until_complete(self._leave())
            self._loop.close()

    async def _leave(self) -> None:
        tasks = [*self._strangers, *self._guests, *self._refused]
        for task in tasks:
            task.cancel()
        await asyncio.wait([*tasks, asyncio.ensure_future(asyncio.sleep(0))], timeout=1.0)
        await asyncio.sleep(0)  # the transports' own last calls

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection: a stranger, until its head has shown the token."""
        full = len(self._strangers) + len(self._guests) >= self._most
        if full and not self._drop_one():
            if len(self._refused) >= MOST_REFUSED:
                writer.transport.abort()
                return
            refusal = problem(503, "too many at this door", Retry_After="1")
            task = self._loop.create_task(self._told(refusal, reader, writer))
            self._refused.add(task)
        else:
            task = self._loop.create_task(self._served(reader, writer))
            self._strangers[task] = self._loop.time()
        task.add_done_callback(functools.partial(self._gone, writer))

    def _drop_one(self) -> bool:
        """Makes place for another where the oldest stranger has had its chance."""
        oldest = next(iter(self._strangers), None)
        if oldest is None or self._loop.time() < self._strangers[oldest] + CHANCE:
            return False
        del self._strangers[oldest]
        oldest.cancel()
        return True

    def _gone(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        writer.transport.abort()
        self._strangers.pop(task, None)
        self._guests.discard(task)
        self._refused.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection of the operators' door failed", exc_info=task.exception())

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its answer; one that is gone or too slow is told nothing."""
        with suppress(OSError, EOFError):  # a TimeoutError is an OSError
            async with asyncio.timeout(PATIENCE):
                request = await self._read(reader, writer)
            response = request if isinstance(request, Response) else await self._api.answer(request)
            await self._told(response, reader, writer)

    async def _told(
        self, response: Response, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answers, then lets the client read it; what it still sends is dropped, and no more than a little of it."""
        with suppress(OSError):
            async with asyncio.timeout(PATIENCE):
                writer.write(_encoded(response))
                await writer.drain()
                writer.write_eof()
            dropped = 0
            async with asyncio.timeout(LINGER):
                while dropped < LINGER_BYTES and (data := await reader.read(CHUNK)):
                    dropped += len(data)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | Response:
        """The request, or why it isn't taken; only a sender with the token has its body read. Raises EOFError."""
        parsed = _Parsed()
        parser = httptools.HttpRequestParser(parsed)
        admitted = False
        while not parsed.complete:
            data = await reader.read(CHUNK)
            if not data:
                raise EOFError
            try:
                parser.feed_data(data)
            except httptools.HttpParserUpgrade:
                return problem(400, "this door speaks plain HTTP")
            except httptools.HttpParserError:
                return problem(400, "that is no HTTP")
            if parsed.headed and not admitted:
                refusal = self._api.stranger(parsed.request(parser.get_method()), self._port)
                if refusal is not None or (refusal := self._admit()) is not None:
                    return refusal
                admitted = True
                if "100-continue" in parsed.headers.get("expect", ()) and parsed.length() <= BODY_BYTES:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            parsed.head_bytes += len(data)
            if not parsed.headed and parsed.head_bytes > HEAD_BYTES:
                return problem(431, f"the head is longer than {HEAD_BYTES} bytes")
            if len(parsed.body) > BODY_BYTES or parsed.length() > BODY_BYTES:
                return problem(413, f"the body is longer than {BODY_BYTES} bytes")
        return parsed.request(parser.get_method())

    def _admit(self) -> Response | None:
        """The connection is a guest's from now on; it may wait, within the number of all connections."""
        if len(self._guests) >= self._most:
            return problem(503, "too many wait at this door", Retry_After="1")
        task = asyncio.current_task()
        if task is not None and self._strangers.pop(task, None) is not None:
            self._guests.add(task)
        return None


class _Parsed:
    """What httptools tells of a request."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: dict[str, tuple[str, ...]] = {}
        self.body = bytearray()
        self.headed = self.complete = False
        self.head_bytes = 0

    def length(self) -> int:
        """The body's length as announced; 0 where it isn't."""
        said = self.headers.get("content-length", ("0",))[0]
        return int(said) if said.isascii() and said.isdigit() and len(said) < 12 else BODY_BYTES + 1

    def request(self, method: bytes) -> Request:
        return Request(
            method.decode("latin-1"), self.target.decode("latin-1"), self.headers, bytes(self.body)
        )

    # httptools

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        self.headers[key] = (*self.headers.get(key, ()), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


def _encoded(response: Response) -> bytes:
    body = response.body
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
