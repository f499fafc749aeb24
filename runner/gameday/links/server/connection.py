"""One proxied connection: an accepted client, a dialled upstream and a pipe each way.

It dials as soon as the client is accepted. An upstream that can't be reached ends the client's connection: accepted,
then EOF. The end of one direction leaves the other open; it is over when both have ended or either socket is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Protocol

from gameday.links.server.pipe import Pipe, Traffic
from gameday.links.server.socket_side import Side
from gameday.links.server.toxic import Stream, Toxic
from gameday.links.server.upstream import Dialler

log = logging.getLogger(__name__)


class Owner(Protocol):
    """The part of a proxy that a connection uses."""

    name: str
    upstream: str
    dialler: Dialler
    loop: asyncio.AbstractEventLoop
    connections: set[Connection]

    def toxics_of(self, stream: Stream) -> Iterator[Toxic]: ...

    def traffic_of(self, stream: Stream) -> Traffic | None: ...


class Connection:
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.client = Side(self)
        self.server: Side | None = None
        self.pipes: dict[Stream, Pipe] = {}
        self._dial: asyncio.Task[None] | None = None

    def made(self, side: Side) -> None:
        if side is self.client:
            self._owner.connections.add(self)
            self._dial = self._owner.loop.create_task(self._reach_upstream())

    def lost(self, side: Side) -> None:
        if self.server is None:
            if side is self.client and self._dial is not None:
                self._dial.cancel()
                self._owner.connections.discard(self)
            return
        if side.outbound is not None and side.inbound is not None:
            side.outbound.dest_lost()
            side.inbound.source_lost()
        if self.client.lost and self.server.lost:
            self._owner.connections.discard(self)

    def abort(self) -> None:
        """End at once, in both directions."""
        if self._dial is not None:
            self._dial.cancel()
        self.client.transport.abort()
        if self.server is not None:
            self.server.transport.abort()

    async def _reach_upstream(self) -> None:
        owner = self._owner
        try:
            server = await owner.dialler.dial(owner.upstream, lambda: Side(self))
        except Exception as error:  # On any error the client must not be left waiting.
            log.info("proxy %r: unable to reach upstream %r: %s", owner.name, owner.upstream, error)
            self.client.dismiss(owner.loop)
            return
        if self.client.lost:
            server.transport.abort()
            return
        self._join(server)

    def _join(self, server: Side) -> None:
        self.server = server
        owner, client = self._owner, self.client
        up = self.pipes["upstream"] = Pipe(client, server, owner.loop, owner.traffic_of("upstream"))
        down = self.pipes["downstream"] = Pipe(server, client, owner.loop, owner.traffic_of("downstream"))
        up.start(owner.toxics_of("upstream"))
        down.start(owner.toxics_of("downstream"))
        client.join(inbound=up, outbound=down)
        server.join(inbound=down, outbound=up)
        if server.lost:
            self.lost(server)
