"""Readiness of an instance on any substrate: HTTP 200 on /healthz, or a TCP port that keeps a connection."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from typing import Literal

from gameday.host.http_client import DirectConnection
from gameday.host.waiting import NotInTime, wait_until

ANSWER_S = 1.0
HOLD_S = 0.1
"""A container engine's own proxy accepts every connection, and drops it soon if nothing listens behind it."""


def answers(ready: Literal["http", "tcp"], address: tuple[str, int]) -> bool:
    """Return True if the instance is ready now; takes about 1 s at most."""
    return _healthy(address) if ready == "http" else _accepts(address)


def _healthy(address: tuple[str, int]) -> bool:
    connection = DirectConnection(*address, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _accepts(address: tuple[str, int]) -> bool:
    try:
        connection = socket.create_connection(address, timeout=ANSWER_S)
    except OSError:
        return False
    with connection:
        connection.settimeout(HOLD_S)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True  # a server that waits for the client to speak first
        except OSError:
            return False


def await_answer(
    ready: Literal["http", "tcp"], address: tuple[str, int], pause: Callable[[float], None], limit: float
) -> bool:
    """Return True once the instance is ready, False after `limit` seconds.

    `pause(seconds)` waits between two tries; what it raises, if the instance has ended, is passed on.
    """
    try:
        return wait_until(lambda: answers(ready, address), limit, f"no answer at {address}", pause=pause)
    except NotInTime:
        return False
