from __future__ import annotations

import random
import time

from gameday.links.server.toxics.slicer import Slicer
from tests.support.link_servers import Server, Upstream


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


def test_slices_vary_around_the_average() -> None:
    """Sizes lie within average ± variation and are at least one byte."""
    sizes = [Slicer(100, 50).draw() for _ in range(2000)]
    assert (min(sizes), max(sizes)) == (50, 150)
    assert min(Slicer(1, 5).draw() for _ in range(100)) == 1


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
        assert first == message[:10]
        proxy.remove(toxic)
        rest = b""
        while len(rest) < 190:
            rest += client.recv(65536)
        assert first + rest == message
