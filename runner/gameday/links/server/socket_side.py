"""One end of a proxied connection: the asyncio protocol of one socket, the client's or the upstream's.

Until the connection is joined it keeps what comes early. Afterwards every chunk goes straight to `forward`, which the
pipe sets: that one call is the whole cost of a link without toxics.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gameday.links.server.connection import Connection
    from gameday.links.server.pipe import Pipe

# SO_LINGER on with a time of zero: closing sends RST instead of FIN.
_LINGER_RESET = struct.pack("ii", 1, 0)
# How long a dismissed peer may take to end its own half, in seconds.
_FAREWELL_S = 1.0


def discard(data: bytes) -> None:
    """Discard bytes."""


class Side(asyncio.Protocol):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._early: list[bytes] = []
        self.transport: asyncio.Transport
        self.forward: Callable[[bytes], object] = self._keep
        # Which pipe this side feeds, and which writes to it; set when the connection is joined.
        self.inbound: Pipe | None = None
        self.outbound: Pipe | None = None
        self._dismissed = False
        self.ended = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        self.forward(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self._dismissed:
            return False  # Closes the transport.
        if self.inbound is not None:
            self.inbound.head.eof()
        return True  # The other direction stays open.

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.forward = discard
        self._connection.lost(self)

    def pause_writing(self) -> None:
        if self.outbound is not None:
            self.outbound.pause(self)

    def resume_writing(self) -> None:
        if self.outbound is not None:
            self.outbound.resume(self)

    def join(self, inbound: Pipe, outbound: Pipe) -> None:
        """Begin to pass data: data that came early go first, an early end after them."""
        self.inbound, self.outbound = inbound, outbound
        early, self._early = self._early, []
        if early:
            self.resume_reading()
        for data in early:
            inbound.receive(data)
        if self.ended:
            inbound.head.eof()

    def pause_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def half_close(self) -> None:
        """Send FIN after what is still to be written; reading goes on."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def close(self) -> None:
        """Close in both directions, after what is still to be written."""
        if not self.transport.is_closing():
            self.transport.close()

    def dismiss(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the connection so that the peer reads an end: closing over unread data would send a reset."""
        self.forward = discard
        self._dismissed = True
        if self.ended:
            self.close()
            return
        self.resume_reading()
        self.half_close()
        loop.call_later(_FAREWELL_S, self.close)

    def reset(self) -> None:
        """Close at once with a TCP reset."""
        if not self.lost:
            tcp = self.transport.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
            self.transport.abort()

    def _keep(self, data: bytes) -> None:
        # Paused only here: uvloop ignores pause_reading in connection_made of accepted sockets.
        self._early.append(data)
        self.pause_reading()
