"""HTTP client of the instances' operator endpoints, for operators and for automations with a credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from gameday.host.http_client import direct_session
from gameday.ports import PortError

TIMEOUT_S = 3.0
MAX_TEXT = 300
"""Characters of an answer that an error message quotes."""
REFUSALS = (401, 403)


class Refused(PortError):
    """The system refused the request: `status` is 401 or 403, the text `refused (403): ` and the system's words."""

    status: int | None

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"refused ({status}): {words}")
        self.status = status


def ask(
    address: tuple[str, int], method: str, path: str, body: Mapping[str, Any] | None, token: str, name: str
) -> Any:
    """Return the JSON answer of the instance called `name`. Raise Refused, or PortError for any other failure."""
    host, port = address
    try:
        with direct_session() as session:
            headers = {"Authorization": f"Bearer {token}"}
            url = f"http://{host}:{port}{path}"
            answer = session.request(
                method, url, json=body, timeout=TIMEOUT_S, headers=headers, allow_redirects=False
            )
        if answer.status_code in REFUSALS:
            raise Refused(answer.status_code, _error_text(answer))
        if not 200 <= answer.status_code < 300:
            raise PortError(f"{name}: {method} {path}: status {answer.status_code}: {_error_text(answer)}")
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise PortError(f"{name}: {method} {path}: {error}") from error


def _error_text(answer: requests.Response) -> str:
    """Return the answer's `error`, or its text if it has none."""
    try:
        text = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        text = answer.text
    return " ".join(str(text).split())[:MAX_TEXT] or "no reason given"
