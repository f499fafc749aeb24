"""Fixtures of the faults' tests: one link server for all, a new world for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fake_arena import FakeSystem, RealLinks, World, topology
from tests.support.link_servers import Upstream, echo, running


@pytest.fixture(scope="session")
def links() -> Iterator[RealLinks]:
    """The links of the whole system on one server."""
    upstream = Upstream(echo)
    with running() as server:
        yield RealLinks(server.client, topology().links, upstream)
    upstream.close()


@pytest.fixture
def world(links: RealLinks) -> Iterator[World]:
    """A healthy system of two regions."""
    yield World(FakeSystem(topology(), links))
    links.mend_all()
