"""Access control of the operators' API: an ASGI layer that asks every request for the token before its body is read."""

from __future__ import annotations

import asyncio
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gameday.operator_api.alert_webhook import AlertDoor
from gameday.operator_api.connection_limits import LINGER_BYTES, LINGER_S, LimitedConnection
from gameday.operator_api.json_answers import Answer, problem


class AccessGuard:
    """Passes requests with the token on to `app`; answers all others with 401 or 403.

    Web pages are refused (an `Origin` header), and so is any `Host` but loopback's, against DNS rebinding. The token of
    `alerts` opens only its path; at a port of its own nothing else is served, and senders may call it by any name.
    """

    def __init__(self, app: ASGIApp, token: str, alerts: AlertDoor | None = None) -> None:
        self._app = app
        self._token = token.encode()
        self._alerts = alerts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: LimitedConnection = scope["state"]["connection"]
        refusal = self._refusal(scope, Headers(scope=scope), scope["server"][1])
        if refusal is None:
            connection.admit()

        async def send_and_linger(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                if not connection.complete:
                    await _drain(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await (refusal or self._app)(scope, receive, send_and_linger)

    def _refusal(self, scope: Scope, headers: Headers, port: int) -> Answer | None:
        """Return why the sender of these headers isn't let in; None if it is."""
        hosts = headers.getlist("host")
        alerts_only = self._alerts is not None and self._alerts.is_own(port)
        if not alerts_only and hosts not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]):
            return problem(403, f"the Host header must be 127.0.0.1:{port} or localhost:{port}")
        if "origin" in headers:
            return problem(403, "web pages may not use this API")
        credentials = headers.getlist("authorization")
        scheme, _, token = credentials[0].partition(" ") if len(credentials) == 1 else ("", "", "")
        given = token.strip().encode("utf-8", "replace") if scheme.lower() == "bearer" else b""
        operator = not alerts_only and hmac.compare_digest(given, self._token)
        sender = self._alerts is not None and self._alerts.opens(given, scope["method"], scope["path"], port)
        if not (operator or sender):
            text = "the token of this run is missing or wrong: send Authorization: Bearer …"
            return problem(401, text, {"WWW-Authenticate": "Bearer"})
        return None


async def _drain(receive: Receive) -> None:
    """Drop a little of what a refused client still sends, so that closing doesn't lose the answer."""
    dropped = 0
    try:
        async with asyncio.timeout(LINGER_S):
            while dropped < LINGER_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        pass
