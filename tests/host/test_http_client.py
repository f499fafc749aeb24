"""HTTP clients: requests for this machine never go through a proxy."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from gameday.host.http_client import DirectConnection, direct_session, is_loopback, open_url
from tests.support.page_receivers import Receiver, receiving


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Serve a proxy that records requests, and name it in the environment."""
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield proxy


@pytest.fixture
def local() -> Iterator[Receiver]:
    with receiving() as local:
        yield local


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("hooks.localhost", True),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
        ("example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_known_by_name_and_address(host: str | None, loopback: bool) -> None:
    """All of 127.0.0.0/8, ::1, and localhost with the names below it (RFC 6761)."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_url_of_this_machine_is_opened_directly(proxy: Receiver, local: Receiver, host: str) -> None:
    """The proxy sees nothing of it."""
    with open_url(urllib.request.Request(local.url.replace("127.0.0.1", host) + "/hook", b"{}"), 10):
        pass
    assert (local.paths, proxy.paths) == (["/hook"], [])


def test_other_urls_go_through_the_proxy(proxy: Receiver) -> None:
    """As the environment asks for: a machine may have no other way out."""
    with open_url(urllib.request.Request("http://hooks.example.com/hook", b"{}"), 10):
        pass
    assert proxy.paths == ["http://hooks.example.com/hook"]


def test_instances_are_reached_directly(proxy: Receiver, local: Receiver) -> None:
    """By a session and by a plain connection alike."""
    with direct_session() as session:
        session.get(f"{local.url}/session", timeout=10)
    connection = DirectConnection("127.0.0.1", int(local.url.rpartition(":")[2]), timeout=10)
    connection.request("GET", "/connection")
    connection.getresponse().read()
    connection.close()
    assert (local.paths, proxy.paths) == (["/session", "/connection"], [])
