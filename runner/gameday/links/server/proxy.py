"""One proxy: a listener, an upstream, the toxics of both streams and the live connections."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterator

from gameday.links.server import listen_address
from gameday.links.server.api_errors import toxic_not_found
from gameday.links.server.connection import Connection
from gameday.links.server.pipe import Traffic
from gameday.links.server.request_body import Fields
from gameday.links.server.socket_side import Side
from gameday.links.server.toxic import Stream, Toxic, parsed, updated
from gameday.links.server.upstream import Dialler

log = logging.getLogger(__name__)

STREAMS: tuple[Stream, ...] = ("upstream", "downstream")


class Proxy:
    """`listen` is the text that was given until the proxy listens, and the actual address from then on.

    `switched` is the reading of CLOCK_MONOTONIC, which all processes of the machine share, when it last began to take
    connections or had ended them all; None before the first time.
    """

    def __init__(self, name: str, listen: str, upstream: str, dialler: Dialler, counted: bool) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self.switched: float | None = None
        self.dialler = dialler
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.toxics: dict[str, Toxic] = {}
        self.traffic: dict[Stream, Traffic] = {stream: Traffic() for stream in STREAMS} if counted else {}
        self._server: asyncio.Server | None = None

    # Listening

    async def start(self) -> None:
        """Listen; no-op if the proxy is enabled. Raise ApiError 500 if it can't listen."""
        if self.enabled:
            return
        tcp, self.listen = listen_address.bound(await listen_address.resolved(self.listen))
        self._server = await self.loop.create_server(self._accepted, sock=tcp, backlog=socket.SOMAXCONN)
        self.enabled, self.switched = True, time.monotonic()
        log.info("proxy %r: %s to %r", self.name, self.listen, self.upstream)

    def stop(self) -> None:
        """Refuse new connections and end those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self.connections):
            connection.abort()
        if self.enabled:
            self.enabled, self.switched = False, time.monotonic()

    def _accepted(self) -> Side:
        return Connection(self).client

    async def update(self, body: object) -> None:
        """Change listen, upstream or enabled; None leaves a value. Raise ApiError 500 if the proxy can't listen."""
        given = Fields(body)
        listen, upstream = given.text("listen", self.listen), given.text("upstream", self.upstream)
        enabled = given.flag("enabled", self.enabled)
        if await self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled and not self.enabled:
            await self.start()
        elif not enabled:
            self.stop()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Return True if these are another listener or upstream; `localhost:80` equals `127.0.0.1:80`."""
        return str(await listen_address.resolved(listen)) != self.listen or upstream != self.upstream

    # Toxics

    def toxic(self, name: str) -> Toxic:
        if name not in self.toxics:
            raise toxic_not_found()
        return self.toxics[name]

    def add_toxic(self, body: object) -> Toxic:
        toxic = parsed(body, self.toxics)
        self.toxics[toxic.name] = toxic
        for connection in self._joined():
            connection.pipes[toxic.stream].add(toxic)
        return toxic

    def update_toxic(self, name: str, body: object) -> Toxic:
        toxic = updated(self.toxic(name), body)
        self.toxics[name] = toxic
        for connection in self._joined():
            connection.pipes[toxic.stream].update(toxic)
        return toxic

    def remove_toxic(self, name: str) -> None:
        toxic = self.toxic(name)
        del self.toxics[name]
        for connection in self._joined():
            connection.pipes[toxic.stream].remove(name)

    def remove_toxics(self) -> None:
        for name in tuple(self.toxics):
            self.remove_toxic(name)

    def toxics_of(self, stream: Stream) -> Iterator[Toxic]:
        return (toxic for toxic in self.toxics.values() if toxic.stream == stream)

    def _joined(self) -> list[Connection]:
        return [connection for connection in self.connections if connection.pipes]

    # Views

    def toxics_view(self) -> list[dict[str, object]]:
        """Return the toxics of the upstream, then of the downstream, in the order in which they apply."""
        return [toxic.view() for stream in STREAMS for toxic in self.toxics_of(stream)]

    def view(self) -> dict[str, object]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "Logger": {},  # the real server's, which clients may compare whole
            "toxics": self.toxics_view(),
        }

    def traffic_of(self, stream: Stream) -> Traffic | None:
        return self.traffic.get(stream)
