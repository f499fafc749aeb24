"""Asks an endpoint of an instance that only operators, or automations with a credential, may use.

What the system says no to is told in its own words. Who asks for what is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from gameday.ports import PortError

ASK_S = 3.0
LONGEST = 300
"""Of an answer's words, characters."""
NO = (401, 403)


class Refused(PortError):
    """The system itself said no: `status` 401 or 403; its text is `refused (403): ` and the system's words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"refused ({status}): {words}")
        self.status = status


def ask(
    address: tuple[str, int], method: str, path: str, body: Mapping[str, Any] | None, token: str, name: str
) -> Any:
    """The JSON answer of the instance called `name`. Raises Refused, and PortError for any other failure."""
    host, port = address
    try:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {token}"}
            url = f"http://{host}:{port}{path}"
            answer = session.request(
                method, url, json=body, timeout=ASK_S, headers=headers, allow_redirects=False
            )
        if answer.status_code in NO:
            raise Refused(answer.status_code, _words(answer))
        if not 200 <= answer.status_code < 300:
            raise PortError(f"{name}: {method} {path}: status {answer.status_code}: {_words(answer)}")
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise PortError(f"{name}: {method} {path}: {error}") from error


def _words(answer: requests.Response) -> str:
    """What its `error` says, or else its text."""
    try:
        said = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = answer.text
    return " ".join(str(said).split())[:LONGEST] or "it doesn't say why"
