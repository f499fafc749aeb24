"""Server of the live console: a listener of its own, so that pages never keep operators or agents out."""

from __future__ import annotations

import socket

from gameday.operator_api.http_server import HOST, ThreadedServer
from gameday.operator_api.live_console.console_endpoints import EVERY_ADDRESS, console_application
from gameday.operator_api.live_console.event_stream import Broadcast
from gameday.operator_api.live_console.page_source import PageSource
from gameday.operator_api.live_console.role_links import RoleLinks

MAX_CONNECTIONS = 160
"""Three quarters of these may be streams; of more, the oldest is closed and its page connects again."""
ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


class ConsoleServer:
    """Serves the pages of the roles from `open` to `close`."""

    def __init__(self, source: PageSource, links: RoleLinks, host: str = HOST, port: int = 0) -> None:
        self._host, self._port, self._links = host, port, links
        self._broadcast = Broadcast(source.frame)
        application = console_application(source, links, self._broadcast, _names(host))
        self._server = ThreadedServer(application, "console-server", max_connections=MAX_CONNECTIONS)

    def open(self) -> dict[str, str]:
        """Listen, and return role → the link to its page. Raise OSError if the address can't be had."""
        port = self._server.listen(self._host, self._port)
        self._server.start()
        self._broadcast.start(self._server.loop)
        return self._links.urls(socket.gethostname() if self._host in ANY else self._host, port)

    def close(self) -> None:
        """End every stream and stop. Idempotent, and bounded in time."""
        self._broadcast.stop()
        self._server.close()


def _names(host: str) -> set[str]:
    """Return the names under which browsers may reach a server on this address."""
    if host in ANY:
        return {"localhost", socket.gethostname(), socket.getfqdn(), EVERY_ADDRESS}
    return {host, "localhost"} if host == HOST else {host}
