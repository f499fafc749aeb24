"""Free ports on 127.0.0.1, below those that the kernel gives to outgoing connections.

A run holds each of its ports by an abstract Unix socket named after the port, which every run in this network namespace
sees and which vanishes with the process: two concurrent runs never choose the same port. A program that knows nothing
of it may still take the port first; starting the service again with another port is the caller's.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from gameday.ports import PortError

HOST = "127.0.0.1"
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def candidates(ephemeral: tuple[int, int]) -> range:
    """Return the upper half of the ports below the ephemeral ones, or the ephemeral ones if those are under 1,000."""
    first, last = ephemeral
    below = range((1024 + first) // 2, first)
    return below if len(below) >= 1000 else range(first, last + 1)


def ephemeral() -> tuple[int, int]:
    """Return the first and the last port that the kernel gives to outgoing connections."""
    first, last = EPHEMERAL.read_text().split()
    return int(first), int(last)


def busy(port: int) -> bool:
    """Return True if the port can't be listened at."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return True
    return False


class LoopbackPorts:
    """Hands out each port once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Iterator[int] = iter(candidates(ephemeral()))
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """Return a free port. Raise PortError if none is left."""
        with self._lock:
            for port in self._next:
                if self._hold(port) and not busy(port):
                    return port
        raise PortError(f"no free port left on {HOST} below {ephemeral()[0]}")

    def claim(self, port: int, what: str) -> int:
        """Return this port. Raise PortError, naming `what` needs it, if it is busy."""
        if busy(port):
            raise PortError(
                f"{what}: port {port} on {HOST} is busy; choose another (--set system.port=N) or none"
            )
        return port

    def release(self) -> None:
        """Let other runs have the ports."""
        with self._lock:
            while self._held:
                self._held.pop().close()

    def _hold(self, port: int) -> bool:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0gameday-port-{port}")
        except OSError:
            lock.close()
            return False
        self._held.append(lock)
        return True
