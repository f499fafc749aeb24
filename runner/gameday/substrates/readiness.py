"""Awaits that an instance answers, whatever it runs on: HTTP 200 on /healthz, or a TCP port that keeps a connection."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from typing import Literal

from gameday.host.http_client import DirectConnection

INTERVAL_S = 0.02
ANSWER_S = 1.0
HOLD_S = 0.1
"""A container engine's own proxy takes every connection, and drops it soon where nobody listens behind."""


def answers(ready: Literal["http", "tcp"], address: tuple[str, int]) -> bool:
    """One try, at most ~1 s."""
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
    """Whether it answered within `limit` seconds. `pause(seconds)` waits; raises where it ended."""
    end = time.monotonic() + limit
    while not answers(ready, address):
        if time.monotonic() >= end:
            return False
        pause(INTERVAL_S)
    return True
