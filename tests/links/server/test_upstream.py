"""Upstream names: resolved at every dial, refusing addresses skipped, replaced while requests are
in flight."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gameday.links.server.upstream import Dialler, Names
from tests.support.link_servers import PATIENCE_S, Proxy, Server, Talk, Upstream, read_all, running

NAME = "pricing.us-east:8000"


def replace(path: pathlib.Path, table: object) -> None:
    """Replace the table atomically, as its owner does."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(table))
    draft.rename(path)


def reply_with(reply: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(reply)
        connection.close()

    return talk


@pytest.fixture
def names(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "names.json"


@pytest.fixture
def named(names: pathlib.Path) -> Iterator[Server]:
    with running("--names", str(names), "--connect-timeout", "10") as server:
        yield server


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address that refuses connections: bound, so that no other program gets it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def reply_of(proxy: Proxy) -> bytes:
    with proxy.connect() as client:
        client.sendall(b"?")
        return read_all(client)


def test_the_table_comes_before_dns_and_is_read_again_when_replaced(
    named: Server, names: pathlib.Path, upstream: Callable[[Talk], Upstream]
) -> None:
    """A name in the table is dialled at its address there; after a replacement the next connection
    goes to the new address."""
    first, second = upstream(reply_with(b"first")), upstream(reply_with(b"second"))
    proxy = named.proxy(NAME)
    assert reply_of(proxy) == b""
    replace(names, {NAME: [first.address]})
    assert reply_of(proxy) == b"first"
    replace(names, {NAME: [second.address]})
    assert reply_of(proxy) == b"second"
    replace(names, {NAME: []})
    assert reply_of(proxy) == b""


def test_a_name_that_the_table_does_not_know_is_resolved_as_usual(
    named: Server, names: pathlib.Path, upstream: Callable[[Talk], Upstream]
) -> None:
    """`localhost` and literal addresses work beside the table."""
    replace(names, {NAME: []})
    target = upstream(reply_with(b"word"))
    assert reply_of(named.proxy(f"localhost:{target.port}")) == b"word"
    assert reply_of(named.proxy(target.address)) == b"word"


def test_every_address_gets_its_turn_and_a_refused_one_is_skipped(
    named: Server, names: pathlib.Path, upstream: Callable[[Talk], Upstream], closed_port: str
) -> None:
    """With two instances and a dead address, each instance gets connections and no connection fails."""
    first, second = upstream(reply_with(b"first")), upstream(reply_with(b"second"))
    replace(names, {NAME: [first.address, closed_port, second.address]})
    proxy = named.proxy(NAME)
    words = [reply_of(proxy) for _ in range(12)]
    assert set(words) == {b"first", b"second"}
    assert words.count(b"first") >= 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a:1": [5]}', '{"a:1": ["nonsense"]}', '{"a:1": 5}'])
def test_a_broken_table_leaves_the_last_good_one(
    named: Server, names: pathlib.Path, upstream: Callable[[Talk], Upstream], content: str
) -> None:
    """A table that can't be read is logged and ignored; a missing one is ignored."""
    target = upstream(reply_with(b"word"))
    proxy = named.proxy(NAME)
    replace(names, {NAME: [target.address]})
    assert reply_of(proxy) == b"word"
    names.write_text(content)
    assert reply_of(proxy) == b"word"
    names.unlink()
    assert reply_of(proxy) == b"word"
    named.await_log(" WARNING names table ")


class Callers:
    """Threads that send request after request, each on a new connection, until `stop`."""

    def __init__(self, proxy: Proxy, count: int) -> None:
        self._proxy = proxy
        self._done = threading.Event()
        self.answers: list[list[bytes]] = [[] for _ in range(count)]
        self._threads = [threading.Thread(target=self._call, args=(replies,)) for replies in self.answers]
        for thread in self._threads:
            thread.start()

    def _call(self, replies: list[bytes]) -> None:
        while not self._done.is_set():
            try:
                replies.append(reply_of(self._proxy))
            except OSError as error:
                replies.append(repr(error).encode())

    def all_begin_anew(self, deadline: float) -> None:
        """Return once every caller has ended a request that it began after this call."""
        goals = [len(replies) + 2 for replies in self.answers]
        while time.monotonic() < deadline:
            if all(len(replies) >= goal for replies, goal in zip(self.answers, goals, strict=True)):
                return
            self._done.wait(0.001)

    def stop(self) -> list[bytes]:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return [answer for replies in self.answers for answer in replies]


def test_no_request_fails_while_instances_are_replaced(
    named: Server, names: pathlib.Path, closed_port: str
) -> None:
    """Of thousands of requests, each on a new connection, none fails through dozens of
    replacements.

    An instance leaves the table first, and stops only once no request that could have seen it there
    is in flight.
    """
    instance = Upstream(reply_with(b"ok"))
    replace(names, {NAME: [closed_port, instance.address]})
    callers = Callers(named.proxy(NAME), count=3)
    replacements = 0
    deadline = time.monotonic() + 9 * PATIENCE_S
    try:
        while (sum(map(len, callers.answers)) < 3000 or replacements < 20) and time.monotonic() < deadline:
            successor = Upstream(reply_with(b"ok"))
            replace(names, {NAME: [successor.address, closed_port]})
            callers.all_begin_anew(deadline)
            instance.close()
            instance = successor
            replacements += 1
    finally:
        answers = callers.stop()
        instance.close()
    assert len(answers) >= 3000
    assert replacements >= 20
    assert [answer for answer in answers if answer != b"ok"] == []


class _HangsUp(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


@contextlib.contextmanager
def full_listener() -> Iterator[str]:
    """An address that neither accepts nor refuses, since its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        host, port = listener.getsockname()
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield f"{host}:{port}"


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    names: pathlib.Path, upstream: Callable[[Talk], Upstream]
) -> None:
    """The connect time-out is shared between addresses, so the good one behind a silent one is
    reached."""
    target = upstream(reply_with(b"word"))

    async def dial() -> None:
        dialler = Dialler(Names(names), timeout_s=4.0)
        for _ in range(2):  # Whichever the turn begins with.
            protocol = await dialler.dial(NAME, _HangsUp)
            assert isinstance(protocol, _HangsUp)

    with full_listener() as silent:
        replace(names, {NAME: [silent, target.address]})
        asyncio.run(dial())


def test_an_unanswered_dial_ends_in_time(names: pathlib.Path) -> None:
    """If every address is silent, the dial raises TimeoutError, an OSError like every other failure."""

    async def dial() -> None:
        await Dialler(Names(names), timeout_s=0.2).dial(NAME, _HangsUp)

    with full_listener() as silent:
        replace(names, {NAME: [silent]})
        with pytest.raises(TimeoutError):
            asyncio.run(dial())


def test_a_table_replaced_during_a_dial_is_tried_as_well(
    names: pathlib.Path, closed_port: str, upstream: Callable[[Talk], Upstream]
) -> None:
    """If all addresses refuse and the table has changed meanwhile, the new address is dialled."""
    target = upstream(reply_with(b"word"))
    replace(names, {NAME: [closed_port]})

    class ReplacedAfterLookup(Names):
        def lookup(self, name: str) -> list[tuple[str, int]] | None:
            targets = super().lookup(name)
            replace(names, {NAME: [target.address]})
            return targets

    async def dial() -> None:
        await Dialler(ReplacedAfterLookup(names), timeout_s=PATIENCE_S).dial(NAME, _HangsUp)

    asyncio.run(dial())


def test_a_replacement_of_the_same_size_and_time_is_noticed(names: pathlib.Path) -> None:
    """A renamed file has another inode, so even an unchanged time stamp can't hide it."""
    replace(names, {NAME: ["127.0.0.1:1"]})
    table = Names(names)
    assert table.refresh()
    stamp = names.stat().st_mtime_ns
    draft = names.with_suffix(".new")
    draft.write_text(json.dumps({NAME: ["127.0.0.1:2"]}))
    os.utime(draft, ns=(stamp, stamp))
    draft.rename(names)
    assert table.refresh()
    assert table.lookup(NAME) == [("127.0.0.1", 2)]
    assert not table.refresh()


class Closing(asyncio.Protocol):
    """A protocol that closes its connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def test_slow_lookups_do_not_block_other_names(
    upstream: Callable[[Talk], Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a resolver takes ten seconds for each name of a lost region, other names are still reached
    after a hundred such dials."""
    target, over, resolved = upstream(reply_with(b"here")), threading.Event(), list[str]()
    resolve = socket.getaddrinfo

    def slow(host: str, *rest: Any, **more: Any) -> Any:
        resolved.append(host)
        if host.startswith("gone"):
            over.wait(PATIENCE_S)
        return resolve("127.0.0.1", *rest, **more)

    async def reached() -> asyncio.Protocol:
        dialler = Dialler(None, timeout_s=1)
        lost = [asyncio.create_task(dialler.dial(f"gone{n % 4}:9", Closing)) for n in range(100)]
        await asyncio.sleep(0)
        protocol = await dialler.dial(f"living:{target.address.rpartition(':')[2]}", Closing)
        over.set()
        await asyncio.gather(*lost, return_exceptions=True)
        return protocol

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert asyncio.run(reached()) is not None
    assert sorted(resolved) == ["gone0", "gone1", "gone2", "gone3", "living"]
