"""The other side of the door: what the commands say to a run that goes on, and what they understand of its answers.

Plain HTTP on loopback, past every proxy that the environment names. Which run is meant is left to the command line.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from typing import Any

from gameday.operator_api.credentials import Key

TIMEOUT = 10.0
PATIENCE = 10.0
"""How long a door that is full is tried again, seconds."""
WAIT = 20.0
"""Seconds that one request waits for an operation; asked again while it is under way."""
ENDED = ("done", "failed", "refused")


class DoorRefused(Exception):
    """The run understood, and said no: the text says why."""


class DoorGone(Exception):
    """Nobody answers at the door: the run has ended, or it hangs."""


class Direct(http.client.HTTPConnection):
    """To an address, not a name: the resolver and the tables of names in all languages aren't loaded for it."""

    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


class Client:
    """Speaks to the door of one run."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def status(self) -> Mapping[str, Any]:
        """Raises DoorRefused, DoorGone."""
        return self._ask("GET", "/v1/status")

    def order(self, fields: Mapping[str, str | None]) -> str:
        """Asks for an operation; its id. Raises DoorRefused, DoorGone."""
        body = {name: value for name, value in fields.items() if value is not None}
        return str(self._ask("POST", "/v1/operations", json.dumps(body).encode())["id"])

    def ended(self, number: str, patience: float) -> Mapping[str, Any]:
        """The operation once it is done, failed or refused, or as it stands after `patience` seconds."""
        until = time.monotonic() + patience
        while True:
            wait = max(0.0, min(WAIT, until - time.monotonic()))
            found = self._ask("GET", f"/v1/operations/{number}?wait={wait:.3f}", timeout=wait + TIMEOUT)
            if found["state"] in ENDED or time.monotonic() >= until:
                return found

    def _ask(
        self, method: str, path: str, body: bytes | None = None, timeout: float = TIMEOUT
    ) -> Mapping[str, Any]:
        """Tried again only where the door was full: then it has done nothing."""
        until = time.monotonic() + PATIENCE
        while True:
            status, again, content = self._once(method, path, body, timeout)
            if status < 300:
                return content
            if status != 503 or time.monotonic() + again > until:
                raise DoorRefused(str(content.get("error", f"HTTP {status}")))
            time.sleep(again)  # the door itself says for how long

    def _once(
        self, method: str, path: str, body: bytes | None, timeout: float
    ) -> tuple[int, float, Mapping[str, Any]]:
        connection = Direct(self._key.host, self._key.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._key.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
            again = answer.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DoorGone(
                f"run {self._key.run} doesn't answer at its door ({type(error).__name__})"
            ) from error
        finally:
            connection.close()
        if not isinstance(content, dict):
            raise DoorGone(f"run {self._key.run} answers in a way that can't be understood")
        return answer.status, float(again) if again.isdigit() else 1.0, content
