"""Bounded GET requests to Prometheus and Alertmanager."""

from __future__ import annotations

import http.client
import json
import urllib.request
from typing import Any
from urllib.parse import urlencode

from gameday.host.http_client import open_url

TIMEOUT_S = 2.0
MOST_BYTES = 4 * 1024 * 1024


class NoAnswer(Exception):
    """A server gave no usable answer; the text says why."""


def fetch(url: str, most: int = MOST_BYTES) -> bytes:
    """Return the body of a GET. Raise NoAnswer."""
    try:
        with open_url(urllib.request.Request(url), TIMEOUT_S) as response:  # noqa: S310 - the model checks the scheme
            body: bytes = response.read(most + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswer(f"{url.split('?')[0]}: {error}"[:300]) from error
    if len(body) > most:
        raise NoAnswer(f"{url.split('?')[0]}: the answer is longer than {most} bytes")
    return body


def ask(base: str, path: str, **parameters: str) -> Any:
    """Return the JSON that `GET base/path?parameters` answers; of Prometheus's envelope the `data`. Raise NoAnswer."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    try:
        value = json.loads(fetch(f"{base}{path}{query}"))
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"{base}{path}: not JSON") from error
    if isinstance(value, dict) and "status" in value and "data" in value:
        return value["data"]
    return value
