from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.links.running import Server, Talk, Upstream, echo, running


@pytest.fixture(scope="session", params=["uvloop", "asyncio"])
def shared_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(with_uvloop=request.param == "uvloop") as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A link server without proxies, on both kinds of loop; what a test leaves is removed."""
    yield shared_server
    for name in shared_server.ask("GET", "/proxies").json():
        shared_server.ask("DELETE", f"/proxies/{name}")
    assert shared_server.process.poll() is None
    assert shared_server.errors() == []


@pytest.fixture
def upstream() -> Iterator[Callable[[Talk], Upstream]]:
    """Makes upstreams that talk as given."""
    made: list[Upstream] = []

    def make(talk: Talk) -> Upstream:
        made.append(Upstream(talk))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def echoing(upstream: Callable[[Talk], Upstream]) -> Upstream:
    return upstream(echo)
