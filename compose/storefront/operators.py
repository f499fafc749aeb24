"""The operators' endpoints under /_operator/: open to requests with the token, closed if no token
is set.

Services define what they do. Only `flags` is here, since every service has it.
"""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies
from .flags import Flags
from .problems import Problem
from .settings import Settings

PREFIX = "/_operator/"

Endpoint = Callable[[Request], Awaitable[Response]]


def bearer(request: Request) -> bytes:
    """Return the token of `Authorization: Bearer …`, or b"" if there is none."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.encode() if scheme.lower() == "bearer" else b""


def demand(request: Request, token: str, refusal: str) -> None:
    """Raise Problem 401 unless the request brings `Authorization: Bearer <token>`; an empty token admits no request."""
    if not token or not hmac.compare_digest(bearer(request), token.encode()):
        raise Problem(401, refusal)


def route(settings: Settings, name: str, endpoint: Endpoint, method: str = "POST") -> Route:
    """/_operator/`name`, with 401 for a request that doesn't bring `Authorization: Bearer $OPERATOR_TOKEN`."""

    async def checked(request: Request) -> Response:
        demand(request, settings.operator_token, "operators only")
        return await endpoint(request)

    return Route(PREFIX + name, checked, methods=[method])


def flags(settings: Settings) -> list[Route]:
    """GET returns all flags; POST {"name": bool, ...} sets some of them and returns all."""

    async def show(_request: Request) -> Response:
        return _all(settings.flags)

    async def switch(request: Request) -> Response:
        settings.flags.switch(await bodies.json_object(request))
        return _all(settings.flags)

    return [route(settings, "flags", show, "GET"), route(settings, "flags", switch)]


def _all(values: Flags) -> Response:
    return JSONResponse({"flags": values.all()})
