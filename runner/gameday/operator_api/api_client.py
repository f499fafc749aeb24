"""Client of the operators' API: what commands ask of a run in progress."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

from gameday.host.http_client import DirectConnection
from gameday.operator_api.credentials import Credentials

TIMEOUT_S = 10.0
RETRY_S = 10.0
"""How long requests are sent again to a server that is full, …"""
FIRST_RETRY_S = 0.1
"""… after a pause that begins with this and doubles, up to what the server asks for."""
WAIT_S = 20.0
"""How long one request waits for an operation; it is sent again until the operation ends."""
FINAL_STATES = ("done", "failed", "refused")


class ApiRejected(Exception):
    """The run rejected the request; the text says why."""


class ApiUnavailable(Exception):
    """No answer from the run: it has ended, or it hangs."""


class ApiClient:
    """Sends requests to the API of one run. Every method raises ApiRejected and ApiUnavailable."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def status(self) -> Mapping[str, Any]:
        """Return the status of the run, as docs/operator-api.yaml describes it."""
        return self._send("GET", "/v1/status")

    def request_operation(self, fields: Mapping[str, str | None]) -> str:
        """Request an operation; return its id."""
        body = {name: value for name, value in fields.items() if value is not None}
        return str(self._send("POST", "/v1/operations", json.dumps(body).encode())["id"])

    def wait_for_operation(self, number: str, patience: float) -> Mapping[str, Any]:
        """Return an operation once it has ended, or as it is after `patience` seconds."""
        until = time.monotonic() + patience
        while True:
            wait = max(0.0, min(WAIT_S, until - time.monotonic()))
            path = f"/v1/operations/{number}?wait={wait:.3f}"
            operation = self._send("GET", path, timeout=wait + TIMEOUT_S)
            if operation["state"] in FINAL_STATES or time.monotonic() >= until:
                return operation

    def _send(
        self, method: str, path: str, body: bytes | None = None, timeout: float = TIMEOUT_S
    ) -> Mapping[str, Any]:
        """Retry only if the server is full, because it has done nothing then."""
        until, pause = time.monotonic() + RETRY_S, FIRST_RETRY_S
        while True:
            status, retry_after, content = self._send_once(method, path, body, timeout)
            if status < 300:
                return content
            pause = min(pause, retry_after)
            if status != 503 or time.monotonic() + pause > until:
                raise ApiRejected(str(content.get("error", f"HTTP {status}")))
            time.sleep(pause)
            pause *= 2

    def _send_once(
        self, method: str, path: str, body: bytes | None, timeout: float
    ) -> tuple[int, float, Mapping[str, Any]]:
        """Return (status, seconds until a retry makes sense, content)."""
        run = self._credentials.run
        connection = DirectConnection(self._credentials.host, self._credentials.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {self._credentials.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = json.loads(response.read())
            retry_after = response.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiUnavailable(
                f"run {run} doesn't answer at its operators' API ({type(error).__name__})"
            ) from error
        finally:
            connection.close()
        if not isinstance(content, dict):
            raise ApiUnavailable(f"run {run}: the answer of its operators' API isn't a JSON object")
        return response.status, float(retry_after) if retry_after.isdigit() else 1.0, content
