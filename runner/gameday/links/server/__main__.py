"""The command: `python -m gameday.links.server --host 127.0.0.1 --port 8474`. Ends with 0 on SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import pathlib
import resource
import signal
import sys
from collections.abc import Callable

from gameday.links.server import listen_address
from gameday.links.server.api_errors import ApiError
from gameday.links.server.http_control import MAX_REQUEST_BYTES, MAX_WITH_SECRET_BYTES, WebProtocol
from gameday.links.server.proxy_collection import Collection
from gameday.links.server.toxiproxy_api import Api
from gameday.links.server.upstream import Dialler, Names

log = logging.getLogger("gameday.links.server")

SECRET = "LINKS_SECRET"  # noqa: S105 - a variable's name
"""The environment variable with the secret that the API asks for; without one it asks for none, as the real server."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gameday.links.server",
        description="A Toxiproxy-compatible link server.",
        epilog=f"If the environment has {SECRET}, each request must bring it in the header X-Gameday-Secret.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="where the HTTP API listens (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=8474, help="0 takes a free port (default: %(default)s)")
    parser.add_argument(
        "--names", type=pathlib.Path, help="JSON table of upstream names, looked up before DNS"
    )
    parser.add_argument(
        "--connect-timeout", type=float, default=2.0, metavar="S", help="seconds (default: 2)"
    )
    parser.add_argument("--proxy-metrics", action="store_true", help="count bytes and serve /metrics")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raise ApiError if the API can't listen."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    names = Names(options.names) if options.names else None
    collection = Collection(Dialler(names, options.connect_timeout), counted=options.proxy_metrics)
    secret = os.environ.get(SECRET, "")
    api = Api(collection, secret)
    limit = MAX_WITH_SECRET_BYTES if secret else MAX_REQUEST_BYTES
    address = listen_address.joined(options.host, options.port)
    tcp, listen = listen_address.bound(await listen_address.resolved(address))
    server = await loop.create_server(lambda: WebProtocol(api.respond, limit), sock=tcp)
    log.info("API on %s", listen)
    await stopped.wait()
    server.close()
    collection.stop()


def _runner() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory, or None, for asyncio's own, if uvloop isn't installed."""
    try:
        import uvloop
    except ImportError:
        log.warning("uvloop is missing: links cost about twice the processor time")
        return None
    return uvloop.new_event_loop


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(message)s")
    _raise_file_limit()
    try:
        with asyncio.Runner(loop_factory=_runner()) as runner:
            runner.run(serve(options))
    except ApiError as error:
        print(f"link server: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
