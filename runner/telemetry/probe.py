"""Readiness probes: wait until something answers on an address, for a bounded time, and say why not when it doesn't."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable

Address = tuple[str, int]

EVERY_S = 0.05
ONE_TRY_S = 1.0


def wait_http(address: Address, path: str, timeout: float, cancel: threading.Event | None = None) -> str | None:
    """None once GET `path` is answered with 200.

    Else, after `timeout` seconds or on `cancel`, the last reason why not.
    """

    def ask(limit: float) -> str | None:
        connection = http.client.HTTPConnection(*address, timeout=limit)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
            return None if status == 200 else f"answered with status {status}"
        finally:
            connection.close()

    return _wait(ask, f"http://{address[0]}:{address[1]}{path}", timeout, cancel)


def wait_tcp(address: Address, timeout: float, cancel: threading.Event | None = None) -> str | None:
    """None once a connection is accepted; else, after `timeout` seconds or on `cancel`, the last reason why not."""

    def connect(limit: float) -> str | None:
        socket.create_connection(address, limit).close()
        return None

    return _wait(connect, f"{address[0]}:{address[1]}", timeout, cancel)


def _wait(
    try_once: Callable[[float], str | None], what: str, timeout: float, cancel: threading.Event | None
) -> str | None:
    cancel = cancel or threading.Event()
    until, why = time.monotonic() + timeout, "not tried"
    while not cancel.is_set() and (left := until - time.monotonic()) > 0:
        try:
            reason = try_once(min(left, ONE_TRY_S))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        if reason is None:
            return None
        why = reason
        cancel.wait(min(EVERY_S, max(0.0, until - time.monotonic())))
    ended = "cancelled" if cancel.is_set() else f"not ready within {timeout:g} s"
    return f"{what} {ended}: {why}"
