"""A shop that answers at once unless it stalls: the server of the load's benchmark, and its client.

Run as a script, it prints its port; each line of its input is a stall in seconds, whose begin and
end it prints.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import cast

import uvloop

PRODUCT = {"price_cents": 1000, "currency": "USD", "stock": 9}


class Shop(asyncio.Protocol):
    """Answers each request for a product, during a stall at its end."""

    stalled_until = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        body = json.dumps({"id": int(data.split(b" ", 2)[1].rpartition(b"/")[2]), **PRODUCT}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        loop = asyncio.get_running_loop()
        wait = Shop.stalled_until - time.monotonic()
        if wait > 0:
            loop.call_later(wait, self._answer, head + body)
        else:
            self._transport.write(head + body)

    def _answer(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Shop, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        begin = time.monotonic()
        Shop.stalled_until = begin + float(line)
        print(begin, Shop.stalled_until, flush=True)
    server.close()


class Server:
    """The server's process, controlled by its pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{self._line()}"

    def stall(self, seconds: float) -> tuple[float, float]:
        """Stall the server; return begin and end on the monotonic clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        begin, end = self._line().split()
        return float(begin), float(end)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


if __name__ == "__main__":
    uvloop.run(serve())
