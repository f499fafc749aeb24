"""Databases of several regions: promoted, followed, rejoined; and clients that find the one that takes writes."""

import asyncio
import contextlib
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from storefront import database, replication
from storefront.problems import TimedOut, UpstreamProblem
from storefront.replication import LOST, Place, State, Word
from tests.support import storefront_regions
from tests.support.storefront_regions import PLACE_ORDER, Databases
from tests.support.waiting import until

US, EU, ME = storefront_regions.REGIONS


def test_an_address_lists_regions_or_is_one_url() -> None:
    """As a link variable has it, as by hand, and empty."""
    assert replication.places("a=postgresql://u@h:1/d,b-c=postgresql://u@h:2/d") == (
        Place("a", "postgresql://u@h:1/d"),
        Place("b-c", "postgresql://u@h:2/d"),
    )
    assert replication.places("postgresql://u@h:1/d?x=y") == (Place("", "postgresql://u@h:1/d?x=y"),)
    assert replication.places("") == ()


@pytest.mark.parametrize(
    ("timeline", "reached", "expected"),
    [
        (3, "0/9000000", False),
        (2, "0/5000000", False),
        (2, "0/5000001", True),
        (1, "0/3000028", False),
        (1, "1/0", True),
        (4, "0/1", True),
    ],
)
def test_a_log_diverged_where_it_went_on_after_its_timeline_was_left(
    timeline: int, reached: str, expected: bool
) -> None:
    """By the primary's history: what lies before the fork both have."""
    history = "1\t0/3000028\tno recovery target specified\n\n2\t0/5000000\tno recovery target specified\n"
    primary = Word(Place("eu-west", ""), State.WRITES, 3, history)
    assert replication.diverged(timeline, replication.position(reached), primary) is expected


def test_a_primary_waits_for_peers_by_name() -> None:
    """A stream of anybody else, such as a backup, is no replica; without peers there is nobody to wait for."""
    assert replication.quorum([Place("eu-west", ""), Place("x", "")]) == 'ANY 1 ("eu-west", "x")'
    assert replication.quorum([]) == ""


def test_a_conninfo_keeps_odd_characters() -> None:
    """Quotes and backslashes of a user's name, written in the URL as URLs have them."""
    conninfo = replication.plain_conninfo(Place("", "postgresql://it%27s%5C@h:5/shop"))
    assert r"user='it\'s\\'" in conninfo


def test_a_conninfo_has_no_password() -> None:
    """It ends up on command lines, which every account of the machine can read."""
    assert "word" not in replication.plain_conninfo(Place("", "postgresql://shop:word@h:5/shop"))


@contextlib.contextmanager
def writer(url: str, order: str) -> Iterator[list[str]]:
    """Somebody who tries to write there all the time; the list holds what was acknowledged."""
    acknowledged: list[str] = []
    done = threading.Event()

    async def write() -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError, asyncpg.PostgresError, *LOST):
                connection = await asyncpg.connect(url, timeout=1, command_timeout=1)
                try:
                    await connection.execute(PLACE_ORDER, f"{order}-{len(acknowledged)}")
                    acknowledged.append(order)
                finally:
                    connection.terminate()

    thread = threading.Thread(target=lambda: asyncio.run(write()))
    thread.start()
    try:
        yield acknowledged
    finally:
        done.set()
        thread.join()


@pytest.mark.system
def test_after_a_promotion_everybody_follows(template: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A standby that had come further is rewound as it runs, the killed primary as it comes back, taking no write."""
    with storefront_regions.databases(template) as up:
        up.kill(EU)
        up.place(US, "lost")
        up.await_caught_up(US, ME)
        up.place(US, "lost-too")
        up.kill(US)
        up.start(EU)
        up.promote(EU)
        up.place(EU, "kept")
        up.await_caught_up(EU, ME)
        assert up.orders(ME) == {"kept"}
        assert "can't follow the primary as it is: rewind" in capfd.readouterr().err
        with writer(up.url(US), "stale") as acknowledged:
            up.start(US)
            up.await_caught_up(EU, US)
        assert acknowledged == []
        assert up.orders(US) == {"kept"}
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError, match="read-only transaction"):
            up.place(US, "refused")
        err = capfd.readouterr().err
        assert "rewinds its data to that of eu-west" in err
        assert "copies the data" not in err
        up.kill(EU)
        up.promote(US)
        up.place(US, "again")
        up.await_caught_up(US, ME)
        assert up.orders(ME) == {"kept", "again"}
        assert "can't follow" not in capfd.readouterr().err


@pytest.mark.system
def test_a_primary_that_returns_with_nothing_follows_the_promoted_one(template: Path) -> None:
    """However far away it is: 120 ms, so that peers answer in over a second. It takes no write on its way."""
    with storefront_regions.databases(template, delay=0.12) as up:
        up.place(US, "kept")
        up.await_caught_up(US, EU, ME)
        up.kill(US)
        up.destroy(US)
        up.promote(EU)
        up.place(EU, "later")
        with writer(up.url(US), "stale") as acknowledged:
            up.start(US)
            up.await_caught_up(EU, US, ME)
        assert acknowledged == []
        assert [up.orders(region) for region in (US, EU, ME)] == [{"kept", "later"}] * 3


@pytest.mark.system
def test_a_primary_steps_down_once_a_later_term_has_begun(
    template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """If operators promoted another database and the fence failed: frozen meanwhile, it takes writes as it thaws."""
    with storefront_regions.databases(template, (US, EU)) as up:
        up.pause(US)
        up.promote(EU)
        up.place(EU, "kept")
        up.pause(US, signal.SIGCONT)
        until(lambda: up.follows(US), "the old primary follows")
        up.await_caught_up(EU, US)
        assert up.orders(US) == {"kept"}
        assert "steps down: a later term has begun" in capfd.readouterr().err


@pytest.mark.system
def test_a_standby_whose_data_is_gone_is_copied_anew(template: Path) -> None:
    """From the primary, orders and all; so is one that was primary on the timeline that the primary is on."""
    with storefront_regions.databases(template, (US, EU)) as up:
        up.kill(EU)
        up.destroy(EU)
        up.place(US, "before")
        up.start(EU)
        up.await_caught_up(US, EU)
        assert up.orders(EU) == {"before"}


@pytest.mark.system
def test_clients_find_the_new_primary(template: Path) -> None:
    """Whether the old one was killed or is merely frozen, so that it takes calls and never answers."""
    with storefront_regions.databases(template, (US, EU)) as up:
        asyncio.run(_across_a_promotion(up))


async def _across_a_promotion(up: Databases) -> None:
    async with database.connected(up.client_urls) as opened:
        await asyncio.gather(*(_written(opened, f"one-{each}") for each in range(database.CONNECTIONS)))
        up.pause(US)
        with pytest.raises(UpstreamProblem, match=r"^postgres "):
            await _written(opened, "unanswered")
        await asyncio.to_thread(up.promote, EU)
        assert await _recovered(opened, "two") <= 3
        await asyncio.gather(*(_written(opened, f"at-once-{each}") for each in range(database.CONNECTIONS)))
        up.kill(US)
        await asyncio.to_thread(up.start, US)
        await asyncio.to_thread(up.await_caught_up, EU, US)
        up.kill(EU)
        await asyncio.to_thread(up.promote, US)
        await _recovered(opened, "three")
        assert {"one-0", "at-once-0"} <= await asyncio.to_thread(up.orders, US)


async def _written(opened: database.Database, order: str) -> None:
    async with opened.transaction() as connection:
        await connection.execute(PLACE_ORDER, order)


async def _recovered(opened: database.Database, order: str) -> int:
    """How many tries were timed out until one was acknowledged; the others failed at once."""
    timed_out = 0
    for attempt in range(250):
        try:
            await _written(opened, f"{order}-{attempt}")
        except TimedOut:
            timed_out += 1
        except UpstreamProblem:
            await asyncio.sleep(0.02)
        else:
            return timed_out
    raise AssertionError("no try succeeded")


@pytest.mark.system
def test_synchronous_commits_wait_for_a_standby(template: Path) -> None:
    """None is acknowledged that no standby has; a promoted one without standbys goes on, and waits again with one."""
    with storefront_regions.databases(template, (US, EU), REPLICATION="sync") as up:
        until(lambda: _waits(up, US), "the primary waits for standbys")
        up.pause(EU)
        with pytest.raises(TimeoutError):
            asyncio.run(_place_within(up.url(US), "unconfirmed", 0.5))
        up.pause(EU, signal.SIGCONT)
        up.place(US, "confirmed")
        up.kill(US)
        until(
            lambda: up.orders(EU) >= {"confirmed"}, "it is there: a commit waits until it is kept, not read"
        )
        up.promote(EU)
        up.place(EU, "alone")
        up.start(US)
        until(lambda: _waits(up, EU), "the promoted primary waits for the one that came back")


def _waits(up: Databases, region: str) -> bool:
    return bool(up.ask(region, "SELECT current_setting('synchronous_standby_names') <> ''"))


async def _place_within(url: str, order: str, seconds: float) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        async with asyncio.timeout(seconds):
            await connection.execute(PLACE_ORDER, order)
    finally:
        connection.terminate()


def _ends_at_once(listening: socket.socket) -> None:
    """A server that lets in who comes, and says in the same breath that it shuts down; until it is left."""
    version, farewell = (
        b"server_version\0" + b"18.4\0",
        b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0",
    )
    welcome = struct.pack("!cii", b"R", 8, 0) + struct.pack("!ci", b"S", 4 + len(version)) + version
    welcome += struct.pack("!cic", b"Z", 5, b"I")
    connection, _ = listening.accept()
    with connection:
        connection.settimeout(20)
        connection.recv(4096)
        connection.sendall(welcome + b"E" + struct.pack("!i", 4 + len(farewell)) + farewell)
        with connection.makefile("rb") as stream:
            stream.read()


def test_one_that_shuts_down_while_it_is_asked_is_no_error_of_ours() -> None:
    """The driver has a word of its own for that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=_ends_at_once, args=[listening])
        server.start()
        url = f"postgresql://replica@127.0.0.1:{listening.getsockname()[1]}/shop"
        word = asyncio.run(replication.ask(Place("eu-west", url)))
        server.join(20)
    assert word.state is State.ABSENT
