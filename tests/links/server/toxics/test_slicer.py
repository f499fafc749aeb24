from __future__ import annotations

import random
import time
from types import SimpleNamespace
from typing import cast

import pytest

from gameday.links.server.toxics import slicer
from gameday.links.server.toxics.slicer import Slicer
from gameday.links.server.toxics.toxic_stage import Line, Sink
from tests.support.link_servers import Server, Upstream
from tests.support.nonempty_all import nonempty_all


def test_data_comes_in_slices_and_is_whole(server: Server, echoing: Upstream) -> None:
    """2,000 bytes in slices of about 100, 50 ms apart, arrive in many reads with those delays, and
    completely."""
    proxy = server.proxy(echoing.port)
    proxy.add("slicer", average_size=100, size_variation=50, delay=50_000)
    message = random.Random(3).randbytes(2000)
    with proxy.connect() as client:
        start = time.monotonic()
        client.sendall(message)
        reads: list[bytes] = []
        while sum(len(part) for part in reads) < len(message):
            reads.append(client.recv(65536))
        elapsed = time.monotonic() - start
    assert b"".join(reads) == message
    assert len(reads) >= 7
    assert elapsed >= (2000 / 150 - 1) * 0.05


def test_chunks_are_halved_as_the_real_server_does() -> None:
    """Without variation, 50 kB make 96 slices of at most 1,000 bytes: 64 of 512 and 32 of about 538."""
    sizes = [end - start for chunk in (32_768, 17_232) for start, end in Slicer(1000).slices(0, chunk)]
    assert len(sizes) == 96
    assert set(sizes[:64]) == {512}
    assert max(sizes) <= 1000


@pytest.mark.parametrize(("average", "variation"), [(100, 50), (64, 32), (1, 5), (10, 10_000), (1, 0)])
def test_slices_are_whole_in_order_and_bounded(average: int, variation: int) -> None:
    """Slices follow one another, none is empty, none is over average + variation."""
    for _ in range(20):
        slices = list(Slicer(average, variation).slices(0, 5000))
        assert [start for start, _ in slices] == [0, *(end for _, end in slices[:-1])]
        assert slices[-1][1] == 5000
        assert nonempty_all(0 < end - start <= average + variation for start, end in slices), slices


def test_a_late_timer_never_joins_two_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The delay counts from the slice before, so that a stall of the loop isn't made up for by slices that leave together."""
    now = [100.0]
    monkeypatch.setattr(slicer, "time", SimpleNamespace(monotonic=lambda: now[0]))
    passed: list[bytes] = []
    stage = Slicer(10, 0, 1000).stage(cast(Line, SimpleNamespace(loop=FakeLoop(), pause=None, resume=None)))
    stage.next = cast(Sink, SimpleNamespace(feed=passed.append))
    stage.feed(bytes(20))
    now[0] += 60.0
    stage._pass_slice()
    assert [len(part) for part in passed] == [10]
    assert stage._due == now[0] + 0.001


class FakeLoop:
    """A loop whose timers never fire by themselves."""

    def call_soon(self, call: object) -> SimpleNamespace:
        return SimpleNamespace(cancel=lambda: None)

    def call_later(self, delay: float, call: object) -> SimpleNamespace:
        return SimpleNamespace(cancel=lambda: None)


def test_sizes_that_can_not_be_are_refused(server: Server, echoing: Upstream) -> None:
    """A size of zero or a negative variation is a 400, on creation and on update; the toxic is
    unchanged."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("slicer", average_size=10)
    for attributes in ({"average_size": 0}, {"size_variation": -1}):
        answer = server.ask("PATCH", f"{proxy.path}/toxics/{toxic}", {"attributes": attributes})
        assert answer.status_code == 400
    view = server.ask("GET", f"{proxy.path}/toxics/{toxic}").json()
    assert view["attributes"] == {"average_size": 10, "size_variation": 0, "delay": 0}


def test_removal_passes_the_rest_in_one_piece(server: Server, echoing: Upstream) -> None:
    """If slices are an hour apart, removing the toxic delivers the rest at once."""
    proxy = server.proxy(echoing.port)
    toxic = proxy.add("slicer", average_size=10, delay=3_600_000_000)
    message = bytes(range(200))
    with proxy.connect() as client:
        client.sendall(message)
        first = client.recv(65536)
        assert first == message[:6]
        proxy.remove(toxic)
        rest = b""
        while len(rest) < 194:
            rest += client.recv(65536)
        assert first + rest == message
