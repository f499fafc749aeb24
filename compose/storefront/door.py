"""The gateway's door: who isn't let in at all. Paths that operators have closed, clients that ask too often."""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .limits import RETRY_AFTER_S, RateLimit
from .problems import Problem
from .settings import Settings

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def client_of(request: Request) -> str:
    """Return the caller's identity: X-Client, else the token, else the user in the request; "" if
    unknown."""
    headers = request.headers
    named = headers.get("x-client") or headers.get("authorization") or request.query_params.get("user")
    return named or ""


class Door:
    """Guards the endpoints of one gateway."""

    def __init__(self, settings: Settings) -> None:
        self._flags = settings.flags
        self._limit = RateLimit() if "rate-limit" in settings.guardrails else None

    def to(self, service: str, endpoint: Endpoint) -> Endpoint:
        """The endpoint of that service, for those who are let in: else 503 (closed) or 429."""

        async def checked(request: Request) -> Response:
            if self._flags.closed(service):
                raise Problem(503, f"{service} is closed for now")
            client = client_of(request) if self._limit else ""
            if self._limit and client and not self._limit.allows(client):
                raise Problem(429, "too many requests", RETRY_AFTER_S)
            return await endpoint(request)

        return checked
