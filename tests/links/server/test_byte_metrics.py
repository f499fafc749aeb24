from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.link_servers import Server, Upstream, echo_of, running


@pytest.fixture
def counting() -> Iterator[Server]:
    with running("--proxy-metrics") as server:
        yield server


def test_bytes_are_counted_by_proxy_and_direction(counting: Server, echoing: Upstream) -> None:
    """Bytes received from each side and bytes passed on are counted; a limit shows as their
    difference."""
    proxy = counting.proxy(echoing.port)
    with proxy.connect() as client:
        assert echo_of(client, b"12345") == b"12345"
        proxy.add("limit_data", "downstream", bytes=3)
        client.sendall(b"12345")
        assert client.recv(100) == b"123"
        assert client.recv(100) == b""
    text = counting.ask("GET", "/metrics").text
    mapping = dict(
        re.findall(r'^toxiproxy_proxy_(\w+_bytes_total\{direction="\w+)".* (\d+)$', text, re.MULTILINE)
    )
    assert mapping == {
        'received_bytes_total{direction="upstream': "10",
        'sent_bytes_total{direction="upstream': "10",
        'received_bytes_total{direction="downstream': "10",
        'sent_bytes_total{direction="downstream': "8",
    }
    assert f'proxy="{proxy.name}"' in text


def test_labels_are_escaped(counting: Server) -> None:
    """A name with quotes, backslashes and line ends can't break the exposition."""
    counting.ask("POST", "/proxies", {"name": 'a"b\\c\nd', "upstream": "x:1"})
    assert 'proxy="a\\"b\\\\c\\nd"' in counting.ask("GET", "/metrics").text
