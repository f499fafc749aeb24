"""The HTTP API: routes, statuses and bodies as the real Toxiproxy server (2.12) has them."""

from __future__ import annotations

import asyncio
import hmac
import html
import json
import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote, unquote

from gameday.links.server.api_errors import ApiError
from gameday.links.server.byte_metrics import exposition
from gameday.links.server.http_control import JSON, TEXT, Request, Response
from gameday.links.server.proxy_collection import Collection
from gameday.links.server.request_body import decode

# The version of the real server whose API this is.
VERSION = "2.12.0"
HTML = "text/html; charset=utf-8"
# Not sent by the real server: when the proxy was switched on or off, see `Proxy.switched`.
SWITCHED = "X-Gameday-Switched"

Action = Callable[[Request, list[str]], Awaitable[Response]]
Route = tuple[tuple[str, ...], dict[str, Action]]


def _json(status: int, content: object) -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), JSON)


def _refused(error: ApiError) -> Response:
    # The real server sends its JSON errors as plain text, with a line's end.
    return Response(error.status, json.dumps(error.view(), separators=(",", ":")).encode() + b"\n", TEXT)


_NO_CONTENT = Response(HTTPStatus.NO_CONTENT)
_NOT_FOUND = Response(HTTPStatus.NOT_FOUND, b"404 page not found\n")
_NO_SECRET = Response(
    HTTPStatus.UNAUTHORIZED, b'{"error":"the header X-Gameday-Secret is missing or wrong","status":401}\n'
)
_NO_BROWSERS = Response(HTTPStatus.FORBIDDEN, b"User agent not allowed\n")


class Api:
    """Answers requests about a collection, one at a time: two changes never interleave.

    If there is a `secret`, a request without it gets 401 and nothing else, whatever it asks for.
    """

    def __init__(self, collection: Collection, secret: str = "") -> None:
        self._collection = collection
        self._secret = secret.encode()
        self._lock = asyncio.Lock()
        proxy, toxic = ("proxies", "*"), ("proxies", "*", "toxics", "*")
        self._routes: list[Route] = [
            (("version",), {"GET": self._version}),
            (("reset",), {"POST": self._reset}),
            (("populate",), {"POST": self._populate}),
            (("proxies",), {"GET": self._proxies, "POST": self._create}),
            (proxy, _verbs(self._show, self._update, self._delete)),
            ((*proxy, "toxics"), {"GET": self._toxics, "POST": self._add_toxic}),
            (toxic, _verbs(self._show_toxic, self._update_toxic, self._delete_toxic)),
        ]
        if collection.counted:
            self._routes.append((("metrics",), {"GET": self._metrics}))

    async def respond(self, request: Request) -> Response:
        if self._secret and not hmac.compare_digest(request.secret, self._secret):
            return _NO_SECRET
        if (clean := _clean(request.path)) != request.path:
            link = f'<a href="{html.escape(clean)}">Moved Permanently</a>.\n\n'.encode()
            body = link if request.method in ("GET", "HEAD") else b""
            return Response(
                HTTPStatus.MOVED_PERMANENTLY, body, HTML, (("Location", _with_query(clean, request)),)
            )
        segments = [unquote(segment, errors="replace") for segment in request.path.split("/")[1:]]
        for pattern, actions in self._routes:
            if _matches(pattern, segments):
                return await self._act(request, actions, segments[1::2])
        return _NOT_FOUND

    async def _act(self, request: Request, actions: dict[str, Action], names: list[str]) -> Response:
        action = actions.get(request.method)
        if action is None:
            return Response(HTTPStatus.METHOD_NOT_ALLOWED)
        if request.agent.startswith("Mozilla/"):
            return _NO_BROWSERS
        async with self._lock:
            try:
                return await action(request, names)
            except ApiError as error:
                return _refused(error)

    # The server

    async def _version(self, request: Request, names: list[str]) -> Response:
        return Response(200, f'{{"version": "{VERSION}"}}\n'.encode(), "application/json;charset=utf-8")

    async def _reset(self, request: Request, names: list[str]) -> Response:
        await self._collection.reset()
        return _NO_CONTENT

    async def _metrics(self, request: Request, names: list[str]) -> Response:
        return Response(
            200, exposition(self._collection.all()).encode(), "text/plain; version=0.0.4; charset=utf-8"
        )

    # Proxies

    async def _proxies(self, request: Request, names: list[str]) -> Response:
        return _json(200, {proxy.name: proxy.view() for proxy in self._collection.all()})

    async def _create(self, request: Request, names: list[str]) -> Response:
        return _json(201, (await self._collection.create(decode(request.body))).view())

    async def _populate(self, request: Request, names: list[str]) -> Response:
        try:
            done, error = await self._collection.populate(decode(request.body))
        except ApiError as unreadable:
            done, error = [], unreadable
        failure = {} if error is None else error.view()
        # An empty list is null, as in the real server.
        content = {**failure, "proxies": [proxy.view() for proxy in done] or None}
        return _json(201 if error is None else error.status, content)

    async def _show(self, request: Request, names: list[str]) -> Response:
        return _json(200, self._collection.get(names[0]).view())

    async def _update(self, request: Request, names: list[str]) -> Response:
        proxy = self._collection.get(names[0])
        await proxy.update(decode(request.body))
        switched = () if proxy.switched is None else ((SWITCHED, f"{proxy.switched:.9f}"),)
        return replace(_json(200, proxy.view()), headers=switched)

    async def _delete(self, request: Request, names: list[str]) -> Response:
        self._collection.remove(names[0])
        return _NO_CONTENT

    # Toxics

    async def _toxics(self, request: Request, names: list[str]) -> Response:
        return _json(200, self._collection.get(names[0]).toxics_view())

    async def _add_toxic(self, request: Request, names: list[str]) -> Response:
        proxy = self._collection.get(names[0])
        return _json(200, proxy.add_toxic(decode(request.body)).view())

    async def _show_toxic(self, request: Request, names: list[str]) -> Response:
        return _json(200, self._collection.get(names[0]).toxic(names[1]).view())

    async def _update_toxic(self, request: Request, names: list[str]) -> Response:
        proxy = self._collection.get(names[0])
        proxy.toxic(names[1])
        return _json(200, proxy.update_toxic(names[1], decode(request.body)).view())

    async def _delete_toxic(self, request: Request, names: list[str]) -> Response:
        self._collection.get(names[0]).remove_toxic(names[1])
        return _NO_CONTENT


def _clean(path: str) -> str:
    """Return the path without empty segments, `.` and `..`, to which the real server redirects."""
    if "//" not in path and "/." not in path:
        return path
    clean = posixpath.normpath(f"/{path.lstrip('/')}")
    return (
        f"{clean}/"
        if path.endswith("/") and not path.endswith(("//", "/./", "/../")) and clean != "/"
        else clean
    )


def _with_query(path: str, request: Request) -> str:
    _, mark, query = request.target.partition(b"?")
    return quote(path, safe="/%") + (mark + query).decode("latin-1")


def _verbs(show: Action, update: Action, delete: Action) -> dict[str, Action]:
    return {"GET": show, "POST": update, "PATCH": update, "DELETE": delete}


def _matches(pattern: tuple[str, ...], segments: list[str]) -> bool:
    if len(pattern) != len(segments):
        return False
    return all(
        part == segment or (part == "*" and segment) for part, segment in zip(pattern, segments, strict=True)
    )
