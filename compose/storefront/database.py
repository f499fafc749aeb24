"""Connections to Postgres: a pool connected before the service listens, time-outs, failures as Problems.

Leaves SQL to the services. A lost connection is a 503, a statement that takes too long a 504; the pool
replaces broken connections by itself, so a service survives a restart of its database.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from .problems import TimedOut, Unreachable

CONNECT_S = 1.0
STATEMENT_S = 1.0
ACQUIRE_S = 0.5
READY_S = 30.0
RETRY_S = 0.05
CONNECTIONS = 5

LOST = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError)
SHUTTING_DOWN = (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.ReadOnlySQLTransactionError)


class Database:
    """A pool of connections; `connection` lends one."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside any transaction. Raises Unreachable or TimedOut, also for its use inside."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_S) as connection:
                yield connection
        except (TimeoutError, asyncpg.QueryCanceledError):
            raise TimedOut("postgres") from None
        except (*LOST, *SHUTTING_DOWN):
            raise Unreachable("postgres") from None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection inside a transaction: committed at the end, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def connected(url: str, connections: int = CONNECTIONS) -> AsyncIterator[Database]:
    """A database whose pool is connected. TimeoutError where Postgres isn't there within READY_S."""
    async with asyncio.timeout(READY_S):
        pool = await _pool(url, connections)
    try:
        yield Database(pool)
    finally:
        pool.terminate()


async def _keep(_connection: object) -> None:
    # asyncpg's own reset costs a round trip each time; no statement of ours leaves anything in its session.
    pass


async def _pool(url: str, connections: int) -> Any:
    while True:
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                ssl=False,
                reset=_keep,
            )
        except (*LOST, TimeoutError):
            await asyncio.sleep(RETRY_S)
