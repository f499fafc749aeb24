"""Serving of the live console for a command: the links on the screen, and a warning if others can reach them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gameday.operator_api.live_console.console_server import ConsoleServer
from gameday.operator_api.live_console.page_source import PageSource
from gameday.operator_api.live_console.role_links import RoleLinks
from gameday.ports import PortError
from gameday_reports.live.role_view import ROLES

LOOPBACK = ("127.0.0.1", "::1", "localhost")
WARNING = (
    "warning: the console listens on {host}, without encryption: who sees a link or this network's traffic can read the "
    "pages and act in their role"
)


@contextmanager
def served(
    source: PageSource, host: str = LOOPBACK[0], port: int = 0, roles: Sequence[str] = ROLES
) -> Iterator[dict[str, str]]:
    """Serve the pages while the block runs; yield role → link. Raise PortError if the address can't be had."""
    server = ConsoleServer(source, RoleLinks.draw(roles), host, port)
    try:
        links = server.open()
    except OSError as error:
        raise PortError(
            f"the console can't listen on {host}, port {port or 'any'}: {error.strerror or error}: name an address of "
            "this machine with --console-host, and a free port with --console-port"
        ) from error
    try:
        show(links, host)
        yield links
    finally:
        server.close()


def show(links: dict[str, str], host: str) -> None:
    """Print the links on standard error."""
    if host not in LOOPBACK:
        print(WARNING.format(host=host), file=sys.stderr)  # noqa: T201
    width = max(map(len, links))
    for role, link in links.items():
        print(f"console  {role.ljust(width)}  {link}", file=sys.stderr, flush=True)  # noqa: T201
