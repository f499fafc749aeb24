"""The outgoing client's retry rule and time-outs, against a peer that misbehaves on purpose."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from storefront import outgoing, provenance
from storefront.outgoing import Peer
from storefront.problems import Broken, TimedOut, Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Release: far-1.0.0 near-2.0.0\r\n\r\n{}"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"


class Scripted:
    """A peer that plays a list of answers for each connection it accepts: bytes, or None to hang up."""

    def __init__(self, *connections: list[bytes | None]) -> None:
        self._connections = list(connections)
        self.accepted = 0
        self.requests = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        for answer in self._connections.pop(0) if self._connections else ():
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if answer is None:
                break
            writer.write(answer)
            await writer.drain()
        writer.close()


def play(scripted: Scripted, use: Callable[[Peer], Awaitable[None]], total_s: float = 2.0) -> None:
    """Run `use` with a peer that leads to the scripted server."""

    async def run() -> None:
        server = await asyncio.start_server(scripted.accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, outgoing.client() as client:
            await use(Peer("far", f"http://127.0.0.1:{port}", client, total_s))

    asyncio.run(run())


def test_a_request_lost_on_a_reused_connection_is_sent_again_on_a_fresh_one() -> None:
    """The peer hangs up on the second request of a connection: the caller sees two good answers."""
    scripted = Scripted([OK, None], [OK])

    async def use(peer: Peer) -> None:
        for _ in range(2):
            assert (await peer.call("POST", "/", b"x")).status == 200

    play(scripted, use)
    assert scripted.requests == 3


def test_a_request_lost_twice_is_given_up() -> None:
    """The retry is one: a peer that hangs up on it as well is unreachable."""
    scripted = Scripted([OK, None], [None])

    async def use(peer: Peer) -> None:
        await peer.call("POST", "/", b"x")
        with pytest.raises(Unreachable, match="is unreachable"):
            await peer.call("POST", "/", b"x")

    play(scripted, use)
    assert scripted.requests == 3


def test_a_request_lost_on_a_fresh_connection_is_not_sent_again() -> None:
    """Retries at each hop would multiply: a fresh connection gets no second try."""
    scripted = Scripted([None])

    async def use(peer: Peer) -> None:
        with pytest.raises(Unreachable) as raised:
            await peer.call("GET", "/")
        assert raised.value.status == 503

    play(scripted, use)
    assert (scripted.accepted, scripted.requests) == (1, 1)


def test_half_an_answer_is_a_failure_and_not_sent_again() -> None:
    """Once a byte of an answer has come, the request may have been carried out: 502."""
    scripted = Scripted([OK, HALF])

    async def use(peer: Peer) -> None:
        await peer.call("POST", "/", b"x")
        with pytest.raises(Broken) as raised:
            await peer.call("POST", "/", b"x")
        assert raised.value.status == 502

    play(scripted, use)
    assert scripted.requests == 2


def test_no_answer_in_time_is_a_time_out() -> None:
    """A peer that accepts and says nothing is 504 after the call's own bound."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def use(peer: Peer) -> None:
        with pytest.raises(TimedOut) as raised:
            await peer.call("GET", "/")
        assert raised.value.status == 504

    scripted = Scripted()
    scripted.accept = silent  # type: ignore[method-assign]
    play(scripted, use, total_s=0.1)


def test_nobody_there_is_unreachable() -> None:
    """A refused connection is 503."""

    async def run() -> None:
        async with outgoing.client() as client:
            with pytest.raises(Unreachable, match="is unreachable"):
                await Peer("nobody", "http://127.0.0.1:1", client).call("GET", "/")

    asyncio.run(run())


def test_the_releases_of_an_answer_are_noted() -> None:
    """What a peer's answer names in X-Release joins the releases of the request at hand."""

    async def use(peer: Peer) -> None:
        releases = provenance.begin("own-1.0.0")
        assert peer.read(await peer.call("GET", "/")) == {}
        assert provenance.written(releases) == b"far-1.0.0 near-2.0.0 own-1.0.0"

    play(Scripted([OK]), use)
