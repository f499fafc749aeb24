"""Endpoints of the live console, a Starlette application: below /ROLE/TOKEN each role has its own.

GET  /ROLE/TOKEN              the page
GET  /ROLE/TOKEN/events       its stream
POST /ROLE/TOKEN/operations   request an operation: 202 {id}
POST /ROLE/TOKEN/control      carry out a command: 202 {}
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gameday.operator_api.bounded_body import read_body
from gameday.operator_api.bounded_calls import BoundedCalls
from gameday.operator_api.json_answers import Answer, problem
from gameday.operator_api.live_console.event_stream import Broadcast, EventStream
from gameday.operator_api.live_console.page_source import Command, CommandRefused, PageSource
from gameday.operator_api.live_console.role_links import RoleLinks
from gameday.operator_api.operation_requests import InvalidRequest, parse_operation
from gameday.recording.printable_text import HIDDEN

T = TypeVar("T")
EVERY_ADDRESS = "every address"
"""In the names of a server: any numeric address may stand in the Host header."""
BODY_BYTES = 16 * 1024
CALL_TIMEOUT_S = 5.0
MAX_CALLS = 8
FIELD_CHARACTERS = 1000
NO_LINK = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>No such page</title><h1>This link opens no page</h1>"
    "<p>It belongs to another run or role, or was cut when it was copied. Ask the facilitator for the link that this run has printed.</p></html>"
)


def console_application(
    source: PageSource, links: RoleLinks, broadcast: Broadcast, hosts: Collection[str]
) -> ASGIApp:
    """Return the ASGI application; `hosts` are the values that the Host header may have, without a port."""
    endpoints = _Endpoints(source, links, broadcast)
    routes = [
        Route("/{role}/{token}", endpoints.page, methods=["GET"]),
        Route("/{role}/{token}/events", endpoints.events, methods=["GET"]),
        Route("/{role}/{token}/operations", endpoints.operate, methods=["POST"]),
        Route("/{role}/{token}/control", endpoints.control, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        InvalidRequest: _refused,
        CommandRefused: _conflict,
        TimeoutError: _silent,
        HTTPException: _http_error,
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    application = Starlette(routes=routes, exception_handlers=handlers)
    application.router.redirect_slashes = False
    return HostGuard(application, hosts)


class HostGuard:
    """Passes on requests to the names of this server, against DNS rebinding; a POST only from its own pages."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not self._is_ours(_name(hosts[0])):
            await problem(403, "the Host header isn't a name of this console")(scope, receive, send)
        elif any(origin.partition("://")[2] != hosts[0] for origin in origins):
            await problem(403, "other web pages may not use this console")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, name: str) -> bool:
        """Return whether a name is this server's; rebinding needs a name, so any address will do if it listens on all."""
        return name in self._hosts or (EVERY_ADDRESS in self._hosts and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """Return a Host header's name without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


class _Endpoints:
    def __init__(self, source: PageSource, links: RoleLinks, broadcast: Broadcast) -> None:
        self._source, self._links, self._broadcast = source, links, broadcast
        self._calls = BoundedCalls(MAX_CALLS, CALL_TIMEOUT_S, "live-console-call")

    async def page(self, request: Request) -> Response:
        if self._links.role(request.path_params["token"]) != request.path_params["role"]:
            return HTMLResponse(NO_LINK, 404, {"Connection": "close"})
        role = self._role(request)
        html = await self._calls.call(lambda: self._source.page(role))
        headers = {
            "Content-Security-Policy": self._source.policy(),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
        return HTMLResponse(html.encode("utf-8", "replace"), 200, headers)

    async def events(self, request: Request) -> Any:
        role = self._role(request)
        return EventStream(self._broadcast, role, request.state.connection.poll())

    async def operate(self, request: Request) -> Response:
        role = self._role(request)
        operation = replace(parse_operation(await read_body(request, BODY_BYTES)), by=role)
        number = await self._calls.call(lambda: self._source.operate(role, operation))
        return Answer({"id": number}, 202)

    async def control(self, request: Request) -> Response:
        role = self._role(request)
        command = _command(await read_body(request, BODY_BYTES))
        await self._calls.call(lambda: self._source.command(role, command))
        return Answer({}, 202)

    def _role(self, request: Request) -> str:
        """Return the role of the request's token, and let its connection stay. Raise HTTPException 404."""
        role = self._links.role(request.path_params["token"])
        if role is None or role != request.path_params["role"]:
            raise HTTPException(404, "this link belongs to another run or role")
        request.state.connection.admit()
        return role


def _command(body: bytes) -> Command:
    """Return the command that a body describes. Raise InvalidRequest."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body must be JSON, in UTF-8") from error
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise InvalidRequest("the body must be a JSON object of texts")
    for name, value in fields.items():
        if len(value) > FIELD_CHARACTERS:
            raise InvalidRequest(f"{name[:40]!r} is longer than {FIELD_CHARACTERS} characters")
        if HIDDEN.search(value):
            raise InvalidRequest(f"{name[:40]!r} has characters that can't be printed")
    action = fields.pop("action", "")
    return Command(action, {name: value.strip() for name, value in fields.items()})


async def _refused(request: Request, error: Exception) -> Response:
    return problem(400, str(error))


async def _conflict(request: Request, error: Exception) -> Response:
    return problem(409, str(error))


async def _silent(request: Request, error: Exception) -> Response:
    return problem(503, "the run doesn't answer", {"Retry-After": "1"})


async def _gone(request: Request, error: Exception) -> Response:
    return Response()


async def _failed(request: Request, error: Exception) -> Response:
    """Name the kind of the error only: its text could give the fault away."""
    return problem(500, f"the run could not be asked: {type(error).__name__}")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail, error.headers)
