"""Requests that a runner left to be made if it dies, such as the resolving of a page: in parallel, each bounded."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as await_all

from gameday.host.http_client import open_url
from gameday.reaper.runner_messages import PendingRequest

TIMEOUT_S = 3.0
MOST_S = 5.0
AT_ONCE = 8


class PendingRequests:
    """Makes the requests from its construction on. Every URL is from the runner's own configuration."""

    def __init__(self, pending: Sequence[PendingRequest]) -> None:
        self._begun: dict[str, Future[None]] = {}
        if pending:
            pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pending")
            self._begun = {request["key"]: pool.submit(_post, request) for request in pending}
            pool.shutdown(wait=False)

    def succeeded(self) -> list[str]:
        """Wait a few seconds and return the keys of the requests that were answered without an error."""
        await_all(self._begun.values(), MOST_S)
        return [key for key, request in self._begun.items() if request.done() and request.exception() is None]


def _post(pending: PendingRequest) -> None:
    """Raise OSError if the answer is an error or doesn't arrive."""
    if not pending["url"].startswith(("http://", "https://")):
        raise ValueError("not an http address")
    headers = {"Content-Type": "application/json", **pending["headers"]}
    body = json.dumps(pending["body"]).encode()
    request = urllib.request.Request(pending["url"], body, headers, method="POST")  # noqa: S310 - looked at above
    with open_url(request, TIMEOUT_S):
        pass
