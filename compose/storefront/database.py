"""Connections to Postgres: a pool connected before the service listens, time-outs, failures as Problems.

Of several databases the one that takes writes is used, wherever it is, and whichever it is by then: after a promotion
the pool finds the new primary by itself. Leaves SQL to the services. A lost connection is a 503, a statement that
takes too long a 504; the pool replaces broken connections by itself, so a service survives a restart of its database.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from .problems import TimedOut, Unreachable
from .replication import LOST, places

CONNECT_S = 1.0
STATEMENT_S = 1.0
ACQUIRE_S = 0.5
READY_S = 30.0
RETRY_S = 0.05
CONNECTIONS = 5
# A database that hasn't answered by then isn't waited for any longer before the next one is tried as well.
HEAD_START_S = 0.1
# When a statement has timed out: how long each other database has to say that it takes writes now.
LOOK_S = 0.4
# While nobody takes writes, every request would ask every database again.
PAUSE_S = 0.2

SHUTTING_DOWN = (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)


class Primary:
    """The way to whichever of several databases takes writes. The one found last is tried first."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._none_until = 0.0
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(self, _dsn: object = None, **options: Any) -> Any:
        """Open a connection for a pool. Raise ConnectionError if no database takes writes."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._none_until:
            raise ConnectionError("no database took writes a moment ago")
        attempts: set[asyncio.Task[tuple[str, Any]]] = set()
        try:
            for url in list(self._urls):
                attempts.add(loop.create_task(_attempt(url, options)))
                if found := await _first(attempts, HEAD_START_S):
                    return self._found(*found)
            if found := await _first(attempts, None):
                return self._found(*found)
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_discard)
        self._none_until = loop.time() + PAUSE_S
        raise ConnectionError("no database takes writes")

    def _found(self, url: str, connection: Any) -> Any:
        self._urls.remove(url)
        self._urls.insert(0, url)
        self._open.add(connection)
        return connection

    async def examine(self) -> None:
        """Give the primary up if another database takes writes by now; a slow one has no better
        alternative."""
        for url in self._urls[1:]:
            try:
                _, connection = await _attempt(url, {"timeout": LOOK_S, "ssl": False})
            except (*LOST, TimeoutError, asyncpg.PostgresError):
                continue
            connection.terminate()
            self.give_up()
            return

    def give_up(self) -> None:
        """Close every connection, also those in use, so that calls to the old primary fail now and
        not at their time-out."""
        self._urls.append(self._urls.pop(0))
        for connection in list(self._open):
            connection.terminate()
        self._open.clear()


async def _attempt(url: str, options: dict[str, Any]) -> tuple[str, Any]:
    connection = await asyncpg.connect(url, **options)
    if getattr(connection.get_settings(), "in_hot_standby", "off") == "on":
        connection.terminate()
        raise ConnectionError("a standby takes no writes")
    return url, connection


async def _first(
    attempts: set[asyncio.Task[tuple[str, Any]]], within_s: float | None
) -> tuple[str, Any] | None:
    """Return the result of the first attempt to succeed; None if all failed or timed out."""
    while attempts:
        done, _ = await asyncio.wait(attempts, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        for attempt in done:
            attempts.discard(attempt)
            if attempt.exception() is None:
                return attempt.result()
    return None


def _discard(attempt: "asyncio.Task[tuple[str, Any]]") -> None:
    """Close the result of an attempt that is no longer awaited."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[1].terminate()


class Database:
    """A pool of connections; `connection` lends one."""

    def __init__(self, pool: Any, primary: Primary) -> None:
        self._pool = pool
        self._primary = primary
        self._examination: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside any transaction. Raises Unreachable or TimedOut, also for its use inside."""
        lent = False
        try:
            async with self._pool.acquire(timeout=ACQUIRE_S) as connection:
                lent = True
                yield connection
        except (TimeoutError, asyncpg.QueryCanceledError):
            if lent:
                self._doubt()
            raise TimedOut("postgres") from None
        except asyncpg.ReadOnlySQLTransactionError:
            self._primary.give_up()
            raise Unreachable("postgres") from None
        except (*LOST, *SHUTTING_DOWN):
            raise Unreachable("postgres") from None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection inside a transaction: committed at the end, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def _doubt(self) -> None:
        """A statement timed out: either it was slow, or another database has taken over."""
        if self._examination is None or self._examination.done():
            self._examination = asyncio.get_running_loop().create_task(self._primary.examine())


@asynccontextmanager
async def connected(url: str, connections: int = CONNECTIONS) -> AsyncIterator[Database]:
    """Open a database whose pool is connected; `url` as in `replication.places`.

    Raise TimeoutError if no database takes writes within READY_S.
    """
    primary = Primary([place.url for place in places(url)])
    async with asyncio.timeout(READY_S):
        pool = await _pool(primary, connections)
    try:
        yield Database(pool, primary)
    finally:
        pool.terminate()


async def _keep(_connection: object) -> None:
    # asyncpg's own reset costs a round trip each time; no statement of ours leaves anything in its session.
    pass


async def _pool(primary: Primary, connections: int) -> Any:
    while True:
        try:
            return await asyncpg.create_pool(
                connect=primary.connect,
                min_size=1,
                max_size=connections,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                ssl=False,
                reset=_keep,
            )
        except (*LOST, TimeoutError):
            await asyncio.sleep(RETRY_S)
