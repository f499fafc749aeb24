"""Free ports on 127.0.0.1, below those that the kernel gives to outgoing connections.

Each port is held for the whole run by an abstract Unix socket of its name, which every run of this machine (of this
network namespace, as with the ports themselves) sees and which vanishes with the process: two runs at once never choose
the same. A program that knows nothing of it may still be faster; who starts a service tries again then.
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
    """The upper half of what lies below the ephemeral ports; where that is little, the ephemeral ones."""
    first, last = ephemeral
    below = range((1024 + first) // 2, first)
    return below if len(below) >= 1000 else range(first, last + 1)


def ephemeral() -> tuple[int, int]:
    first, last = EPHEMERAL.read_text().split()
    return int(first), int(last)


def busy(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return True
    return False


class Ports:
    """Hands each port out once. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Iterator[int] = iter(candidates(ephemeral()))
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """A port nobody listens at. Raises PortError where there is none left."""
        with self._lock:
            for port in self._next:
                if self._hold(port) and not busy(port):
                    return port
        raise PortError(f"no free port left on {HOST} below {ephemeral()[0]}")

    def claim(self, port: int, what: str) -> int:
        """This very port. Raises PortError where it is busy."""
        if busy(port):
            raise PortError(
                f"{what}: port {port} on {HOST} is busy; choose another (--set system.port=N) or none"
            )
        return port

    def release(self) -> None:
        """Lets other runs have them again."""
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
