"""HTTP server of the operators' API: uvicorn in a thread of its own, on loopback only.

Connections are bounded in time, number and bytes (`connection_limits`), and requests without the token are refused
(`access_guard`), so that nothing reaches the run but what `endpoints` passes on, and nothing keeps the on-call out.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from contextlib import suppress
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from gameday.operator_api.access_guard import AccessGuard
from gameday.operator_api.alert_webhook import AlertDoor, add_alerts
from gameday.operator_api.connection_limits import MAX_CONNECTIONS, ConnectionLimits, LimitedConnection
from gameday.operator_api.credentials import Credentials, new_token
from gameday.operator_api.endpoints import ReadStatus, RequestOperation, operator_application

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 5.0


class ThreadedServer:
    """Serves an ASGI application in a thread of its own from `start` to `close`, within limits on connections."""

    def __init__(self, application: ASGIApp, name: str, *, max_connections: int = MAX_CONNECTIONS) -> None:
        self._name = name
        self._backlog = 8 * max_connections
        protocol = functools.partial(LimitedConnection, limits=ConnectionLimits(max_connections))
        config = uvicorn.Config(
            application,
            http=cast(Any, protocol),
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=self._backlog,
        )
        self._server = uvicorn.Server(config)
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._sockets: list[socket.socket] = []
        self._thread: threading.Thread | None = None

    def listen(self, host: str = HOST, port: int = 0) -> int:
        """Bind a port, a free one if it is 0; return it. Close the server and raise OSError if it can't be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family, backlog=self._backlog)
        except OSError:
            self.close()
            raise
        self._sockets.append(listener)
        return int(listener.getsockname()[1])

    def start(self) -> None:
        """Serve on every bound port."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Abort every connection. Idempotent, a no-op if the server never started, and bounded in time."""
        if self._thread is None:
            self.loop.close()
        else:
            with suppress(RuntimeError):  # closed already
                self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STOP_TIMEOUT_S)
        for listener in self._sockets:
            listener.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        """Serve until told to stop; end then at once, and not at uvicorn's next tick."""
        serving = asyncio.create_task(self._server.serve(self._sockets))
        await self._stop.wait()
        serving.cancel()
        for server in getattr(self._server, "servers", ()):
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()


class OperatorServer:
    """Serves the API of one run from `open` to `close`; the functions are described in `endpoints`."""

    def __init__(
        self,
        run: str,
        read_status: ReadStatus,
        request_operation: RequestOperation,
        *,
        max_connections: int = MAX_CONNECTIONS,
        alerts: AlertDoor | None = None,
    ) -> None:
        self._run_id = run
        self._alerts = alerts
        self._token = new_token()
        application = add_alerts(operator_application(read_status, request_operation), alerts)
        guarded = AccessGuard(application, self._token, alerts)
        self._server = ThreadedServer(guarded, "operator-api", max_connections=max_connections)

    def open(self) -> Credentials:
        """Listen on a free port, and where alerts are to come in. Raise OSError if a port can't be had."""
        door = self._alerts
        port = self._server.listen()
        if door is not None and door.listen is not None:
            try:
                self._server.listen(*door.listen)
            except OSError as error:
                where = f"{door.listen[0]}:{door.listen[1]}"
                raise OSError(error.errno, f"alerts can't be listened for: {error.strerror}", where) from None
        self._server.start()
        return Credentials(self._run_id, HOST, port, self._token, door.token if door else "")

    def close(self) -> None:
        """Abort every connection. Idempotent, a no-op if the server never opened, and bounded in time."""
        self._server.close()
