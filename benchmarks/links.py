"""Cost of a link: throughput and added latency of the embedded link server.

    python benchmarks/links.py [--toxiproxy-server PATH] [--round-s 0.6] [--rounds 5]

Upstream, link server and client are three processes on loopback. The client is closed-loop: each
connection sends its next request when the answer is complete. Direct connections and links, at
several connection counts, are interleaved in one run, so that other load on the machine affects all
of them equally; medians over the rounds are printed. The figures hold for this machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

from gameday.links.server_command import server_command
from gameday.links.toxiproxy_client import LinkServer

REQUEST = b"GET /products/1 HTTP/1.1\r\nHost: catalog\r\nAccept: application/json\r\n\r\n"
_BODY = b"x" * 400
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n" + _BODY
CONNECTIONS = (1, 64)
START_TIMEOUT_S = 10.0


class Upstream(asyncio.Protocol):
    """A server that gives every request the same answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._begun = 0

    def data_received(self, data: bytes) -> None:
        requests, self._begun = divmod(self._begun + len(data), len(REQUEST))
        self._transport.write(ANSWER * requests)


class Client(asyncio.Protocol):
    """Sends a request as soon as the last answer is complete; `latencies` gets their latencies in
    seconds."""

    def __init__(self, latencies: list[float]) -> None:
        self._latencies = latencies
        self._got = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._got += len(data)
        if self._got == len(ANSWER):
            self._latencies.append(time.perf_counter() - self._sent)
            self._got = 0
            self._send()

    def close(self) -> None:
        self._transport.abort()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(REQUEST)


async def measure(port: int, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return requests a second, p50 and p99 latency in microseconds."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    clients = [
        (await loop.create_connection(lambda: Client(latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    latencies.clear()
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - start
    for client in clients:
        client.close()
    cuts = statistics.quantiles(latencies, n=100)
    return len(latencies) / elapsed, cuts[49] * 1e6, cuts[98] * 1e6


async def serve_upstream(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    root = str(Path(__file__).resolve().parent.parent)
    child = subprocess.Popen(argv, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": root})
    try:
        yield child
    finally:
        child.terminate()
        child.wait(START_TIMEOUT_S)


@contextlib.contextmanager
def link(real: str | None, upstream: int) -> Iterator[int]:
    """Start a link server with one proxy to the upstream; yield the proxy's port."""
    port = free_port()
    with process(server_command(real, "127.0.0.1", port, None)):
        server = LinkServer("127.0.0.1", port)
        server.wait_ready(START_TIMEOUT_S)
        spec = {"name": "bench", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"}
        yield int(server.populate([spec])["bench"].rpartition(":")[2])  # type: ignore[list-item]


def await_listening(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def compare(ways: dict[str, int], rounds: int, round_s: float) -> None:
    results: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for way, port in ways.items():
                    result = runner.run(measure(port, connections, round_s))
                    results.setdefault((way, connections), []).append(result)
    print(f"{'way':>10} {'conns':>5} {'req/s':>9} {'of direct':>9} {'p50 +µs':>8} {'p99 +µs':>8}")
    for connections in CONNECTIONS:
        direct = medians(results["direct", connections])
        for way in ways:
            rate, p50, p99 = medians(results[way, connections])
            added = f"{p50 - direct[1]:>8.0f} {p99 - direct[2]:>8.0f}"
            print(f"{way:>10} {connections:>5} {rate:>9,.0f} {rate / direct[0]:>9.2f} {added}")


def medians(results: list[tuple[float, float, float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*results, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description="The embedded link server beside direct.")
    parser.add_argument("--toxiproxy-server", metavar="PATH", help="measure a real toxiproxy-server as well")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-s", type=float, default=0.6)
    parser.add_argument("--serve-upstream", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_upstream:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_upstream(options.serve_upstream))
        return
    upstream = free_port()
    with contextlib.ExitStack() as stack:
        stack.enter_context(process([sys.executable, __file__, "--serve-upstream", str(upstream)]))
        await_listening(upstream)
        ways = {"direct": upstream, "embedded": stack.enter_context(link(None, upstream))}
        if options.toxiproxy_server:
            ways["real"] = stack.enter_context(link(options.toxiproxy_server, upstream))
        compare(ways, options.rounds, options.round_s)


if __name__ == "__main__":
    main()
