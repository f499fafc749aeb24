from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.support.link_servers import Server, Talk, Upstream, echo, running


@pytest.fixture(scope="session")
def uvloop_server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def asyncio_server() -> Iterator[Server]:
    with running(with_uvloop=False) as server:
        yield server


@pytest.fixture
def server(uvloop_server: Server) -> Iterator[Server]:
    """A link server without proxies; what a test adds is removed."""
    yield uvloop_server
    left_clean(uvloop_server)


@pytest.fixture(params=["uvloop_server", "asyncio_server"])
def either_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Like `server`, once on each kind of event loop."""
    server = request.getfixturevalue(request.param)
    yield server
    left_clean(server)


def left_clean(server: Server) -> None:
    for name in server.ask("GET", "/proxies").json():
        server.ask("DELETE", f"/proxies/{quote(name, safe='')}")
    assert server.process.poll() is None
    assert server.errors() == []


@pytest.fixture
def upstream() -> Iterator[Callable[[Talk], Upstream]]:
    """Make upstreams with the given behaviour."""
    results: list[Upstream] = []

    def make(talk: Talk) -> Upstream:
        results.append(Upstream(talk))
        return results[-1]

    yield make
    for one in results:
        one.close()


@pytest.fixture
def echoing(upstream: Callable[[Talk], Upstream]) -> Upstream:
    return upstream(echo)
