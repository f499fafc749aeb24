"""Endpoints of the operators' API, a Starlette application about one run.

GET  /v1/status                      what the on-call sees
POST /v1/operations                  request an operation: 202 {id}
GET  /v1/operations/{id}?wait=N      its state; waits up to N seconds for its end
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gameday.operations import Operation
from gameday.operator_api.bounded_body import read_body
from gameday.operator_api.bounded_calls import BoundedCalls
from gameday.operator_api.json_answers import Answer, problem
from gameday.operator_api.operation_requests import (
    InvalidRequest,
    UnknownReference,
    check_references,
    parse_operation,
)
from gameday.operator_api.status_document import OperationRow, StatusDocument
from gameday.operator_api.status_view import OperationStatus, operation_row

T = TypeVar("T")
ReadStatus = Callable[[], StatusDocument]
"""Returns the status of the run, as `status_view.run_status` makes it."""
RequestOperation = Callable[[Operation], str]
"""Hands an operation to the run; returns the id under which the status lists it."""

BODY_BYTES = 64 * 1024
RUN_TIMEOUT_S = 5.0
"""How long a call to the run may take."""
STATUS_AGE_S = 0.1
"""A status is given again until it is this old, so that many clients cost the run no more than one."""
MAX_WAIT_S = 60.0
MAX_CALLS = 8
"""Calls to the run in flight: one that hangs can't pile up others."""
FINAL_STATES = ("done", "failed", "refused")
PATHS = "GET /v1/status, POST /v1/operations and GET /v1/operations/{id}"


def operator_application(read_status: ReadStatus, request_operation: RequestOperation) -> Starlette:
    """Return the ASGI application; both functions are called in threads of their own, and may block."""
    endpoints = _Endpoints(read_status, request_operation)
    routes = [
        Route("/v1/status", endpoints.status, methods=["GET"]),
        Route("/v1/operations", endpoints.create_operation, methods=["POST"]),
        Route("/v1/operations/{id}", endpoints.operation, methods=["GET"]),
    ]
    application = Starlette(routes=routes, exception_handlers=HANDLERS)
    application.router.redirect_slashes = False
    return application


async def _rejected(request: Request, error: Exception) -> Response:
    return problem(409 if isinstance(error, UnknownReference) else 400, str(error))


async def _run_silent(request: Request, error: Exception) -> Response:
    return problem(503, "the run doesn't answer", {"Retry-After": "1"})


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response()


async def _run_failed(request: Request, error: Exception) -> Response:
    """Name the kind of the error only: its text could give the fault away."""
    return problem(500, f"the run could not be asked: {type(error).__name__}")


async def _http_error(request: Request, error: Exception) -> Response:
    """Return what Starlette refuses itself (unknown paths, wrong methods) as a JSON error."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return problem(405, f"{request.method} isn't allowed here; allowed: {allowed}", error.headers)
    if error.status_code == 404 and error.detail == "Not Found":
        return problem(404, f"no such path; known are {PATHS}")
    return problem(error.status_code, error.detail, error.headers)


HANDLERS: Mapping[Any, Any] = {
    InvalidRequest: _rejected,
    TimeoutError: _run_silent,
    HTTPException: _http_error,
    ClientDisconnect: _client_gone,
    Exception: _run_failed,
}


class _Endpoints:
    def __init__(self, read_status: ReadStatus, request_operation: RequestOperation) -> None:
        self._read_status, self._request_operation = read_status, request_operation
        self._calls = BoundedCalls(MAX_CALLS, RUN_TIMEOUT_S, "operator-api-call")
        self._accepted: dict[str, OperationRow] = {}
        self._status: StatusDocument | None = None
        self._status_at = -math.inf
        self._reading = asyncio.Lock()

    async def status(self, request: Request) -> Response:
        return Answer(await self._current_status())

    async def create_operation(self, request: Request) -> Response:
        operation = parse_operation(await read_body(request, BODY_BYTES))
        if operation.name == "ack" or operation.change is not None:
            check_references(operation, await self._current_status(fresh=True))
        number = await self._calls.call(lambda: self._request_operation(operation))
        self._accepted[number] = operation_row(OperationStatus(number, operation, "accepted"))
        self._status_at = -math.inf
        return Answer({"id": number}, 202, {"Location": f"/v1/operations/{number}"})

    async def operation(self, request: Request) -> Response:
        """Answer once the operation has ended, the wait is over, or the client has hung up.

        A server with too many long polls answers the oldest with the present state.
        """
        number, until = request.path_params["id"], time.monotonic() + _wait_seconds(request)
        answer_now = request.state.connection.poll() if until > time.monotonic() else asyncio.Event()
        while True:
            row = self._row(number, await self._current_status())
            left = until - time.monotonic()
            if row["state"] in FINAL_STATES or left <= 0 or answer_now.is_set():
                return Answer(row)
            if await request.is_disconnected():
                raise ClientDisconnect
            await asyncio.sleep(min(left, STATUS_AGE_S))

    def _row(self, number: str, status: StatusDocument) -> OperationRow:
        """Return the operation as the status lists it. Raise HTTPException 404 if there is none."""
        listed = (row for row in status["operations"] if row["id"] == number)
        row = next(listed, self._accepted.get(number))
        if row is None:
            raise HTTPException(404, f"there is no operation {number[:40]!a}")
        return row

    async def _current_status(self, *, fresh: bool = False) -> StatusDocument:
        """Return the status, read once for all requests that ask at the same time."""
        async with asyncio.timeout(RUN_TIMEOUT_S), self._reading:
            if self._status and not fresh and time.monotonic() <= self._status_at + STATUS_AGE_S:
                return self._status
            asked = time.monotonic()
            status = await self._calls.call(self._read_status)
            self._status, self._status_at = status, asked
            return status


def _wait_seconds(request: Request) -> float:
    """Return the `wait` parameter, 0 if there is none. Raise InvalidRequest."""
    if set(request.query_params) - {"wait"}:
        raise InvalidRequest("unknown parameter; the only one is wait, in seconds")
    try:
        seconds = float(request.query_params.get("wait", "0"))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_WAIT_S:
        raise InvalidRequest(f"wait must be a number of seconds from 0 to {MAX_WAIT_S:g}")
    return seconds
