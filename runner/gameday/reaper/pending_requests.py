"""Requests that a runner owed when it vanished, such as the resolving of a page: made side by side, each bounded."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as await_all
from typing import Any

from gameday.host.http_client import open_url

TIMEOUT_S = 3.0
MOST_S = 5.0
AT_ONCE = 8


class Payment:
    """Begun when it is made; every url is of the runner's own configuration."""

    def __init__(self, owed: Sequence[Mapping[str, Any]]) -> None:
        self._begun: dict[str, Future[None]] = {}
        if owed:
            pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="owed")
            self._begun = {str(each["key"]): pool.submit(_post, each) for each in owed}
            pool.shutdown(wait=False)

    def made(self) -> list[str]:
        """Keys of those that were answered well; waits for them a few seconds."""
        await_all(self._begun.values(), MOST_S)
        return [key for key, each in self._begun.items() if each.done() and each.exception() is None]


def _post(owed: Mapping[str, Any]) -> None:
    """Raises OSError where the answer is an error or doesn't come."""
    if not str(owed["url"]).startswith(("http://", "https://")):
        raise ValueError("not an http address")
    headers = {"Content-Type": "application/json", **owed["headers"]}
    body = json.dumps(owed["body"]).encode()
    request = urllib.request.Request(owed["url"], body, headers, method="POST")  # noqa: S310 - looked at above
    with open_url(request, TIMEOUT_S):
        pass
