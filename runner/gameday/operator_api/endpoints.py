"""The door's endpoints: who may come in, what is answered. Knows nothing of sockets; `server` does.

GET  /v1/status                      what somebody on call sees
POST /v1/operations                  asks for an operation: 202 {id}
GET  /v1/operations/{id}?wait=N      its state, waited for up to N seconds while it is under way
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from gameday.operations import Operation
from gameday.operator_api import operation_requests
from gameday.operator_api.status_view import Ordered, ordered

T = TypeVar("T")
State = Callable[[], Mapping[str, Any]]
"""What `picture` makes of the run now."""
Ask = Callable[[Operation], str]
"""Hands an operation to the run; the id under which the status lists it from then on."""

BUSY = 5.0
"""How long the run is waited for, seconds, before the door says that it doesn't answer."""
FRESH = 0.1
"""Age up to which a status is given again, seconds: however many ask, the run is looked at so seldom."""
LONGEST_WAIT = 60.0
AT_ONCE = 8
"""Calls to the run under way at most: one that hangs can't pile up others."""
ENDED = ("done", "failed", "refused")


@dataclass(frozen=True)
class Request:
    """One request, its head read; `headers` by lower-case name, all values of each."""

    method: str
    target: str
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The one value of a header; empty where there is none, or more than one: neither can be trusted."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else ""


@dataclass(frozen=True)
class Response:
    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps(self.content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def problem(status: int, text: str, **headers: str) -> Response:
    """What went wrong, in words; `headers` by name, with _ for -."""
    return Response(
        status, {"error": text}, {name.replace("_", "-"): value for name, value in headers.items()}
    )


class Api:
    """Answers requests about one run. `state` and `ask` are called in threads of their own, and may take their time."""

    def __init__(self, token: str, state: State, ask: Ask) -> None:
        self._token = token.encode()
        self._state, self._ask = state, ask
        self._free = threading.Semaphore(AT_ONCE)
        self._given: dict[str, Mapping[str, Any]] = {}
        self._known: Mapping[str, Any] = {}
        self._known_at = -math.inf
        self._looking = asyncio.Lock()

    def stranger(self, request: Request, port: int) -> Response | None:
        """Why the sender of this head isn't let in; None where it is. Asked before any body is read."""
        host, _, said = (
            request.header("host").rpartition(":") if ":" in request.header("host") else ("", "", "")
        )
        if host not in ("127.0.0.1", "localhost") or said != str(port):
            return problem(403, f"the Host must be 127.0.0.1:{port} or localhost:{port}")
        if "origin" in request.headers:
            return problem(403, "no web page may use this door")
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            token.strip().encode("utf-8", "replace"), self._token
        ):
            return problem(
                401, "the token of this run is needed: Authorization: Bearer …", WWW_Authenticate="Bearer"
            )
        return None

    async def answer(self, request: Request) -> Response:
        """Never raises but for cancellation."""
        try:
            return await self._routed(request)
        except operation_requests.Refused as refused:
            return problem(400, str(refused))
        except TimeoutError:
            return problem(503, "the run doesn't answer", Retry_After="1")
        except Exception as error:
            return problem(500, f"the run could not be asked: {type(error).__name__}")

    async def _routed(self, request: Request) -> Response:
        try:
            url = urlsplit(request.target)
        except ValueError:
            return problem(400, "no such address")
        path = url.path
        if path == "/v1/status":
            return await self._status(request)
        if path == "/v1/operations":
            return await self._order(request)
        if path.startswith("/v1/operations/"):
            return await self._operation(request, path.removeprefix("/v1/operations/"), url.query)
        return problem(404, "there is GET /v1/status, POST /v1/operations and GET /v1/operations/{id}")

    async def _status(self, request: Request) -> Response:
        if request.method != "GET":
            return problem(405, "only GET here", Allow="GET")
        return Response(200, await self._look())

    async def _order(self, request: Request) -> Response:
        if request.method != "POST":
            return problem(405, "only POST here", Allow="POST")
        operation = operation_requests.read(request.body)
        try:
            if operation.name == "ack" or operation.change is not None:
                operation_requests.known(operation, await self._look(fresh=True))
        except operation_requests.Refused as refused:
            return problem(409, str(refused))
        number = await self._within(lambda: self._ask(operation))
        self._given[number] = ordered(Ordered(number, operation, "accepted"))
        self._known_at = -math.inf
        return Response(202, {"id": number}, {"Location": f"/v1/operations/{number}"})

    async def _operation(self, request: Request, number: str, query: str) -> Response:
        if request.method != "GET":
            return problem(405, "only GET here", Allow="GET")
        until = time.monotonic() + _wait(query)
        while True:
            status = await self._look()
            listed = (each for each in status.get("operations", ()) if each["id"] == number)
            found = next(listed, self._given.get(number))
            if found is None:
                return problem(404, f"there is no operation {number[:40]!a}")
            left = until - time.monotonic()
            if found["state"] in ENDED or left <= 0:
                return Response(200, found)
            await asyncio.sleep(min(left, FRESH))

    async def _look(self, *, fresh: bool = False) -> Mapping[str, Any]:
        """The status, looked at once for all who ask at the same time."""
        async with asyncio.timeout(BUSY), self._looking:
            if fresh or time.monotonic() > self._known_at + FRESH:
                asked = time.monotonic()
                self._known = await self._within(self._state)
                self._known_at = asked
            return self._known

    async def _within(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises; TimeoutError where it takes too long, or too many such already do.

        In a daemon thread and not in a pool, whose threads the process would wait for at its end.
        """
        done: Future[T] = Future()
        if not self._free.acquire(blocking=False):
            raise TimeoutError

        def worked() -> None:
            done.set_running_or_notify_cancel()
            try:
                done.set_result(work())
            except Exception as error:
                done.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=worked, name="door-look", daemon=True).start()
        async with asyncio.timeout(BUSY):  # wait_for can swallow a cancellation, on Python 3.11
            return await asyncio.wrap_future(done)


def _wait(query: str) -> float:
    """Seconds to wait. Raises Refused."""
    try:
        asked = parse_qs(query, keep_blank_values=True, max_num_fields=10)
        seconds = float(asked.get("wait", ["0"])[-1])
    except ValueError:
        asked, seconds = {}, math.nan
    if set(asked) - {"wait"}:
        raise operation_requests.Refused("the only parameter is wait, in seconds")
    if not 0 <= seconds <= LONGEST_WAIT:
        raise operation_requests.Refused(f"wait is a number of seconds, 0 to {LONGEST_WAIT:g}")
    return seconds
