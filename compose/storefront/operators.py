"""The operators' door: endpoints under /_operator/, open to whoever has the token, shut where no token is set.

Leaves what they do to the services. Only `flags` is here, for every service has it.
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
    """The token of `Authorization: Bearer …`; empty where there is none."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return given.encode() if scheme.lower() == "bearer" else b""


def route(settings: Settings, name: str, endpoint: Endpoint, method: str = "POST") -> Route:
    """/_operator/`name`, with 401 for whoever doesn't bring `Authorization: Bearer $OPERATOR_TOKEN`."""
    token = settings.operator_token.encode()

    async def checked(request: Request) -> Response:
        if not token or not hmac.compare_digest(bearer(request), token):
            raise Problem(401, "operators only")
        return await endpoint(request)

    return Route(PREFIX + name, checked, methods=[method])


def flags(settings: Settings) -> list[Route]:
    """GET tells all flags; POST {"name": bool, ...} sets some of them and tells all."""

    async def told(_request: Request) -> Response:
        return _all(settings.flags)

    async def switched(request: Request) -> Response:
        settings.flags.switch(await bodies.json_object(request))
        return _all(settings.flags)

    return [route(settings, "flags", told, "GET"), route(settings, "flags", switched)]


def _all(values: Flags) -> Response:
    return JSONResponse({"flags": values.all()})
