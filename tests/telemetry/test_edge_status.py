"""Region status as the edge reports it, requested from a real HTTP server, with a clock set by hand."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gameday.ports import Health, PortError
from gameday.telemetry.edge_status import OLDEST_S, Status
from tests.support.fakes import HandClock

TOKEN = "a-token"
WITHIN_S = 10.0
WELL = {"up": True, "database": True, "drained": False, "since_s": 3.5}
UP = Health(True, True, False, 3.5)


class Edge:
    """An edge that answers `body`, or 401 without the token. `asked` is set by every request."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.asked = threading.Event()
        self.address: tuple[str, int] | None = None

    def answer(self, **regions: dict[str, Any]) -> None:
        self.body = json.dumps(
            {"regions": {name.replace("_", "-"): region for name, region in regions.items()}}
        ).encode()


@contextmanager
def running(edge: Edge) -> Iterator[Edge]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorized = (
                self.headers["Authorization"] == f"Bearer {TOKEN}" and self.path == "/_operator/status"
            )
            self.send_response(edge.status if authorized else 401)
            self.end_headers()
            self.wfile.write(edge.body)
            edge.asked.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        edge.address = ("127.0.0.1", server.server_port)
        try:
            yield edge
        finally:
            server.shutdown()
            thread.join(WITHIN_S)


@pytest.fixture
def edge() -> Iterator[Edge]:
    with running(Edge()) as running_edge:
        running_edge.answer(us_east=WELL)
        yield running_edge


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def asker(edge: Edge, clock: HandClock, token: str = TOKEN) -> Status:
    return Status(lambda: edge.address, token, timeout=WITHIN_S, clock=clock.now)


def test_regions_are_those_of_the_edge(edge: Edge, clock: HandClock) -> None:
    """Regions come in the edge's order; there are none before the first answer."""
    edge.answer(us_east=WELL, eu_west={"up": False, "database": False, "drained": True, "since_s": 0})
    status = asker(edge, clock)
    assert status.regions() == {}
    status.once()
    assert list(status.regions().items()) == [("us-east", UP), ("eu-west", Health(False, False, True, 0.0))]


def test_a_region_may_take_orders_without_a_standby(edge: Edge, clock: HandClock) -> None:
    """As the edge says; a system that says nothing about it doesn't."""
    edge.answer(us_east=WELL | {"asynchronous": True}, eu_west=WELL | {"asynchronous": False}, me=WELL)
    status = asker(edge, clock)
    status.once()
    assert [health.asynchronous for health in status.regions().values()] == [True, False, False]


def test_an_old_answer_is_unknown(edge: Edge, clock: HandClock) -> None:
    """An answer is valid for three seconds; after that the status is unknown until the next answer."""
    status = asker(edge, clock)
    status.once()
    clock.t += OLDEST_S * 0.9
    assert status.regions() == {"us-east": UP}
    edge.status = 503
    status.once()
    clock.t += OLDEST_S * 0.2
    assert status.regions() == {}
    edge.status = 200
    status.once()
    assert status.regions() == {"us-east": UP}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"[]",
        b'{"regions": []}',
        b'{"regions": {"us-east": null}}',
        b'{"regions": {"us-east": {"up": true}}}',
        json.dumps({"regions": {"us-east": WELL | {"up": "yes"}}}).encode(),
        json.dumps({"regions": {"us-east": WELL | {"since_s": float("nan")}}}).encode(),
        json.dumps({"regions": {"us-east": WELL | {"since_s": None}}}).encode(),
        b"[" * 50_000,
        b" " * 100_000 + b'{"regions": {}}',
        b"\xff\xfe",
    ],
)
def test_an_invalid_status_is_ignored(edge: Edge, clock: HandClock, body: bytes) -> None:
    """An answer that isn't a status is ignored; the last good one stays valid until it is too old."""
    status = asker(edge, clock)
    status.once()
    edge.body = body
    clock.t += OLDEST_S * 0.6
    status.once()
    assert status.regions() == {"us-east": UP}
    clock.t += OLDEST_S * 0.6
    assert status.regions() == {}


def test_without_the_token_nothing_is_known(edge: Edge, clock: HandClock) -> None:
    """Without the token the edge refuses, and the status is unknown."""
    status = asker(edge, clock, "another")
    status.once()
    assert status.regions() == {}


def test_an_edge_that_is_away_or_silent_is_no_answer(clock: HandClock) -> None:
    """The status is unknown if the edge has no address yet, the address raises, its port is closed,
    or it never answers."""

    def refuses() -> tuple[str, int]:
        raise PortError("it doesn't run")

    Status(lambda: None, TOKEN, clock=clock.now).once()
    Status(refuses, TOKEN, clock=clock.now).once()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = silent.getsockname()
        status = Status(lambda: address, TOKEN, timeout=0.05, clock=clock.now)
        status.once()
    status.once()
    assert status.regions() == {}


def test_it_asks_by_itself_until_it_is_stopped(edge: Edge) -> None:
    """The thread requests the status at once and then repeatedly, and ends with `stop`."""
    status = Status(lambda: edge.address, TOKEN, every=0.01, timeout=WITHIN_S)
    status.start()
    for _ in range(3):
        assert edge.asked.wait(WITHIN_S)
        edge.asked.clear()
    status.stop()
    assert status.regions() == {"us-east": UP}
    assert not any(thread.name == "status" for thread in threading.enumerate())
