"""Connection slots of a real Postgres: taken up to the last, held, released, also by another process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest

from gameday.faults import connection_slots
from gameday.ports import PortError
from tests.support.link_servers import PATIENCE_S
from tests.support.postgres_server import server
from tests.support.storefront_services import free_port
from tests.support.waiting import until

pytestmark = pytest.mark.system

Answer = TypeVar("Answer")
SLOTS = 12
MARK = "gameday-database-connections-test"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server(connections=SLOTS) as address:
        yield address


@pytest.fixture(autouse=True)
def nothing_is_left(url: str) -> Iterator[None]:
    yield
    connection_slots.let_go(MARK)
    connection_slots.clear(url, MARK)


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(work)


async def connect(url: str) -> Any:
    return await asyncpg.connect(url, timeout=5, ssl=False)


def refused(url: str) -> bool:
    async def ask() -> None:
        await (await connect(url)).close()

    try:
        run(ask())
    except asyncpg.TooManyConnectionsError:
        return True
    return False


def at_once(seconds: float) -> bool:
    return True


def test_a_connection_that_was_open_before_lives_on_without_evict(url: str) -> None:
    """Without `evict`, open connections still work and new ones are refused; a slot that becomes
    free is taken at once."""

    async def story() -> None:
        early = await connect(url)
        await asyncio.to_thread(connection_slots.take, url, MARK, evict=False, wait=at_once)
        assert await early.fetchval("SELECT 1") == 1
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
        end = time.monotonic() + PATIENCE_S
        while (connections := await early.fetchval(count, MARK)) < SLOTS - 1 and time.monotonic() < end:
            await asyncio.sleep(0.05)  # one that was ending when they were taken has left a slot
        assert connections == SLOTS - 1
        await early.close()

    run(story())
    until(lambda: len(connection_slots._held[MARK]._connections) == SLOTS, "the slot is taken", PATIENCE_S)
    assert refused(url)


def test_evict_ends_the_connections_of_others(url: str) -> None:
    """With `evict`, other clients lose their connections and get no new one."""

    async def story() -> None:
        early = await connect(url)
        await asyncio.to_thread(connection_slots.take, url, MARK, evict=True, wait=at_once)
        with pytest.raises(
            (asyncpg.PostgresError, asyncpg.InterfaceError, OSError), match=r"clos|terminat|reset|lost"
        ):
            await early.fetchval("SELECT 1")

    run(story())
    assert refused(url)


def test_connections_of_another_process_are_ended_by_sql(url: str) -> None:
    """`clear` ends the connections under the mark and no others; it is idempotent."""

    async def story() -> None:
        unmarked = await connect(url)
        marked = [
            await asyncpg.connect(url, timeout=5, ssl=False, server_settings={"application_name": MARK})
            for _ in range(4)
        ]
        await asyncio.to_thread(connection_slots.clear, url, MARK)
        await asyncio.to_thread(connection_slots.clear, url, MARK)
        assert (
            await unmarked.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", MARK)
            == 0
        )
        await unmarked.close()
        for their in marked:
            their.terminate()

    run(story())


def test_all_slots_are_given_back(url: str) -> None:
    """After letting go no slot is held, and new connections are accepted."""
    connection_slots.take(url, MARK, evict=True, wait=at_once)
    connection_slots.let_go(MARK)
    connection_slots.clear(url, MARK)
    assert not refused(url)


def test_an_unreachable_server_is_reported_without_its_password(url: str) -> None:
    """If the server is unreachable, taking slots raises an error without the password, and
    releasing them is a no-op."""
    nowhere = f"postgresql://shop:secret@127.0.0.1:{free_port()}/shop"
    with pytest.raises(PortError, match=r"connections of 127\.0\.0\.1:\d+ can't be taken") as caught:
        connection_slots.take(nowhere, "gameday-nowhere", evict=False, wait=at_once)
    assert "secret" not in str(caught.value)
    connection_slots.clear(nowhere, "gameday-nowhere")


def test_a_run_that_ends_lets_its_database_go_and_takes_no_other() -> None:
    """Without a revert, slots are held while the server runs; afterwards no connection is made to
    its address again."""
    ending = threading.Event()
    with server(connections=SLOTS) as url:
        connection_slots.take(url, MARK, evict=True, wait=lambda seconds: not ending.wait(seconds))
        crowd = connection_slots._held[MARK]
        ending.set()
        crowd._thread.join(5 * connection_slots.RETRY_S)
        assert refused(url)
        assert crowd._thread.is_alive()
    until(lambda: not crowd._thread.is_alive(), "the crowd has gone", PATIENCE_S)
