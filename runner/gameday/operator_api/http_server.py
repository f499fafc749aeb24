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

from gameday.operator_api.access_guard import AccessGuard
from gameday.operator_api.connection_limits import MAX_CONNECTIONS, ConnectionLimits, LimitedConnection
from gameday.operator_api.credentials import Credentials, new_token
from gameday.operator_api.endpoints import ReadStatus, RequestOperation, operator_application

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 5.0


class OperatorServer:
    """Serves the API of one run from `open` to `close`; the functions are described in `endpoints`."""

    def __init__(
        self,
        run: str,
        read_status: ReadStatus,
        request_operation: RequestOperation,
        *,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._run_id = run
        self._token = new_token()
        self._backlog = 8 * max_connections
        protocol = functools.partial(LimitedConnection, limits=ConnectionLimits(max_connections))
        config = uvicorn.Config(
            AccessGuard(operator_application(read_status, request_operation), self._token),
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
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> Credentials:
        """Listen on a free port. Raise OSError if there is none."""
        self._socket = socket.create_server((HOST, 0), backlog=self._backlog)
        self._thread = threading.Thread(
            target=self._run, args=(self._socket,), name="operator-api", daemon=True
        )
        self._thread.start()
        return Credentials(self._run_id, HOST, self._socket.getsockname()[1], self._token)

    def close(self) -> None:
        """Abort every connection. Idempotent, a no-op if the server never opened, and bounded in time."""
        if self._thread is None or self._socket is None:
            self._loop.close()
            return
        with suppress(RuntimeError):  # closed already
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_TIMEOUT_S)
        self._socket.close()

    def _run(self, listener: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        """Serve until told to stop; end then at once, and not at uvicorn's next tick."""
        serving = asyncio.create_task(self._server.serve([listener]))
        await self._stop.wait()
        serving.cancel()
        for server in getattr(self._server, "servers", ()):
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.shutdown()
