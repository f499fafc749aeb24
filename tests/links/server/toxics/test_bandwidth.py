from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import cast

import pytest

from gameday.links.server.toxics.bandwidth import Bandwidth
from gameday.links.server.toxics.toxic_stage import Line
from tests.support.link_servers import Server, Upstream, echo_of, read_exactly


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_data_passes_at_the_rate(server: Server, echoing: Upstream, stream: str) -> None:
    """60 KB at 40 KB/s take 1.5 s and arrive in parts, not all at the end."""
    proxy = server.proxy(echoing.port)
    proxy.add("bandwidth", stream, rate=40)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(bytes(60_000))
        assert read_exactly(client, 20_000) == bytes(20_000)
        early = time.monotonic() - start
        assert read_exactly(client, 40_000) == bytes(40_000)
        late = time.monotonic() - start
    assert late >= 1.5
    assert early < late - 0.1


def test_a_rate_of_zero_stalls_until_it_is_changed(server: Server, echoing: Upstream) -> None:
    """No data passes at a rate of 0; a higher rate, set on the open connection, releases the held
    data."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("bandwidth", rate=0)
    with proxy.connect() as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError, match="timed out"):
            echo_of(client, b"hello")
        client.settimeout(5)
        proxy.change(toxic, attributes={"rate": 1000})
        assert read_exactly(client, 5) == b"hello"


def test_a_high_rate_passes_pieces_of_32_kilobytes() -> None:
    """At 1,000 KB/s the first byte waits 33 ms, as in the real server, and not for 100 KB."""
    line = cast(
        Line, SimpleNamespace(loop=asyncio.new_event_loop(), pause=lambda who: None, resume=lambda who: None)
    )
    stage = Bandwidth(1000).stage(line)
    stage.feed(bytes(100_000))
    pieces = [len(data) for _, data in stage._queue if data is not None]
    first = stage._queue[0][0]
    assert pieces == [32_768, 32_768, 32_768, 1_696]
    assert stage._queue[1][0] - first == pytest.approx(0.032768)
    stage.dropped()
    line.loop.close()


def test_the_buffer_holds_two_reads_at_any_rate() -> None:
    """The source is paused once more than 64 KB wait, however high the rate: a part is never more than 32 KB."""
    line = cast(Line, SimpleNamespace(loop=None))
    assert {Bandwidth(rate).stage(line).capacity for rate in (1, 655, 656, 10_000)} == {64 * 1024}
