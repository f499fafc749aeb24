"""The ASGI application around a service's routes: metrics, release and region headers, errors as JSON.

One plain ASGI callable around Starlette's router: at five hops a request, each layer of middleware costs.
Leaves listening and draining to `serving`.
"""

import sys
import time
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from . import canary, operators, provenance
from .metrics import Metrics
from .problems import Problem
from .settings import Settings

Headers = list[tuple[bytes, bytes]]
# What isn't counted: checks and operators would thin out the error ratio.
QUIET = ("/healthz", "/ready", "/metrics")


class Application:
    """A service as one ASGI callable. `draining` set, every answer asks its client to close the connection."""

    def __init__(self, settings: Settings, routes: Sequence[Route]) -> None:
        self.draining = False
        self._settings = settings
        self._metrics = Metrics(settings)
        own = [Route("/healthz", self._healthz), Route("/metrics", self._exposition)]
        own += operators.flags(settings) + canary.routes(settings)
        self._router = Router([*routes, *own], redirect_slashes=False, default=_unknown_path)
        self._paths: dict[Callable[..., Any], str] = {route.endpoint: route.path for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an unexpected exception becomes status 500 and a traceback in the log."""
        begun = time.perf_counter()
        releases = provenance.begin(self._settings.release)
        canary.begin(scope)
        answer = _Answer(send, lambda message: self._stamp(message, releases))
        try:
            await self._router(scope, receive, answer.send)
        except Problem as problem:
            await answer.fail(scope, receive, problem)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            await answer.fail(scope, receive, Problem(500, "internal error"))
        if scope["path"] not in QUIET and not scope["path"].startswith(operators.PREFIX):
            self._metrics.observe(self._route(scope), answer.status, time.perf_counter() - begun)

    def _stamp(self, message: MutableMapping[str, Any], releases: set[str]) -> None:
        headers: Headers = message["headers"]
        headers.append((b"x-release", provenance.written(releases)))
        if primary := provenance.primary():
            headers.append((b"x-primary", primary))
        if not any(name == b"x-region" for name, _ in headers):
            headers.append((b"x-region", self._settings.region.encode("latin-1")))
        if self.draining:
            headers.append((b"connection", b"close"))

    def _route(self, scope: Scope) -> str:
        return self._paths.get(scope.get("endpoint"), "other")  # type: ignore[arg-type]

    async def _healthz(self, request: Request) -> Response:
        settings = self._settings
        return JSONResponse(
            {
                "service": settings.service,
                "region": settings.region,
                "release": settings.release,
                "instance": settings.instance,
            }
        )

    async def _exposition(self, request: Request) -> Response:
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Answer:
    """The way back to the client: stamps the head once, remembers its status."""

    def __init__(self, send: Send, stamp: Callable[[MutableMapping[str, Any]], None]) -> None:
        self.status = 500
        self._send = send
        self._stamp = stamp
        self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            self.status = message["status"]
            self._stamp(message)
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive, problem: Problem) -> None:
        # An answer that has begun can't be taken back; the server closes its connection.
        if self._begun:
            return
        headers = {"Retry-After": str(problem.retry_after_s)} if problem.retry_after_s else None
        await JSONResponse({"error": problem.message}, problem.status, headers)(scope, receive, self.send)


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    raise Problem(404, "no such path")
