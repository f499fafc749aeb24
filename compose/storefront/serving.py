"""Running a service: prepare, listen once ready, answer, drain on SIGTERM, exit 0.

A service is an asynchronous context manager that yields its routes: what it opens before the yield (a pool, a
client) is there before the port is, and is closed after the last answer. Leaves the answers themselves to
`application`.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager

import uvloop
from starlette.routing import Route
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

from .application import Application
from .settings import Settings

Service = Callable[[Settings], AbstractAsyncContextManager[Sequence[Route]]]

BACKLOG = 1024
# Idle connections live longer than any client of ours keeps them, so that it is the client who closes.
KEEP_ALIVE_S = 75
# After SIGTERM: how long open connections may still bring requests, and how long those may take.
GRACE_S = 0.5
FINISH_S = 3
POLL_S = 0.02


class DrainingServer(Server):
    """uvicorn's server; on SIGTERM it stops listening at once, yet answers open connections for a while."""

    def __init__(self, config: Config, application: Application, listener: socket.socket) -> None:
        super().__init__(config)
        self._application = application
        self._listener = listener
        self._accepted: set[asyncio.Task[object]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on SIGTERM and SIGINT. Unlike uvicorn's, doesn't raise the signal again: a drained exit is exit 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.drain)
        yield

    def drain(self) -> None:
        """Stop listening; from here on every answer closes its connection."""
        if self.should_exit:
            return
        self._application.draining = True
        self.should_exit = True
        self._accept_backlog()
        for server in self.servers:
            server.close()

    def _accept_backlog(self) -> None:
        # Closing a listener resets the connections the kernel has accepted and we haven't: take those first.
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                task = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
                self._accepted.add(task)

    def _protocol(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(self.config, self.server_state, self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let clients use up or close their connections for the grace, then close the idle ones and finish the rest."""
        loop = asyncio.get_running_loop()
        end = loop.time() + GRACE_S
        while self.server_state.connections and loop.time() < end:
            await asyncio.sleep(POLL_S)
        await super().shutdown(sockets)


def listener(settings: Settings) -> socket.socket:
    """Return the instance's listening socket. Raise SystemExit with the address if it is taken or
    can't be bound."""
    try:
        opened = socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    except OSError as error:
        raise SystemExit(
            f"{settings.service} cannot listen on {settings.host}:{settings.port}: {error}"
        ) from None
    opened.setblocking(False)
    return opened


async def _serve(settings: Settings, service: Service) -> None:
    async with service(settings) as routes:
        application = Application(settings, routes)
        config = Config(
            application,
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=FINISH_S,
        )
        opened = listener(settings)
        place = f"{settings.host}:{settings.port}"
        sys.stderr.write(f"{settings.instance} ({settings.release}) listens on {place}\n")
        await DrainingServer(config, application, opened).serve(sockets=[opened])


def run(name: str, service: Service) -> None:
    """Run the service until SIGTERM; return after a clean drain."""
    settings = Settings.from_environment(name)
    uvloop.run(_serve(settings, service))
