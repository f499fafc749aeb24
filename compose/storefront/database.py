"""Connections to Postgres: a pool connected before the service listens, time-outs, failures as Problems.

Of several databases the one that takes writes is used, wherever it is, and whichever it is by then: after a promotion
the pool finds the new primary by itself, and it never goes back to one whose term has passed (`replication`). Leaves SQL
to the services. A lost connection is a 503, a statement that takes too long a 504; the pool replaces broken connections by
itself, so a service survives a restart of its database.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from . import provenance
from .durability import Durability
from .problems import TimedOut, Unconfirmed, Unreachable
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


# Asked once for each connection: the answers stay the same for as long as the connection lives.
WHO = """
    SELECT current_setting('cluster_name') AS region,
           ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline,
           coalesce(nullif(current_setting('storefront.term', true), ''), '0')::int AS term
"""


@dataclass(frozen=True)
class Leader:
    """A database that takes writes: its address and region, its term, and the timeline of its log."""

    url: str
    region: str
    term: int
    timeline: int

    def outranks(self, other: "Leader") -> bool:
        """Return True if this database was made the primary after `other`."""
        return (self.term, self.timeline) > (other.term, other.timeline)

    @property
    def name(self) -> str:
        """The region and the timeline: a name that no other primary has, whatever it takes its term to be."""
        return f"{self.region}/{self.timeline}"


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that knows which primary it leads to."""

    leader: Leader


class Primary:
    """The way to whichever of several databases takes writes. The one found last is tried first."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._none_until = 0.0
        self._term = 0
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
        self.losses = 0
        """How often sessions were found to have ended."""

    async def connect(self, _dsn: object = None, **options: Any) -> Connection:
        """Open a connection for a pool. Raise ConnectionError if no database takes writes."""
        loop = asyncio.get_running_loop()
        self._count_losses()
        if loop.time() < self._none_until:
            raise ConnectionError("no database took writes a moment ago")
        attempts: set[asyncio.Task[Connection]] = set()
        try:
            for url in list(self._urls):
                attempts.add(loop.create_task(self._attempt(url, options)))
                if connection := await _first(attempts, HEAD_START_S):
                    return self._found(connection)
            if connection := await _first(attempts, None):
                return self._found(connection)
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_discard)
        self._none_until = loop.time() + PAUSE_S
        raise ConnectionError("no database takes writes")

    async def _attempt(self, url: str, options: dict[str, Any]) -> Connection:
        """Connect to that database. Raise ConnectionError if it takes no writes, or leads by a term that has passed."""
        connection: Connection = await asyncpg.connect(
            url, **{**options, "connection_class": Connection, "ssl": False}
        )
        try:
            if getattr(connection.get_settings(), "in_hot_standby", "off") == "on":
                raise ConnectionError("a standby takes no writes")
            row = await connection.fetchrow(WHO, timeout=CONNECT_S)
            connection.leader = Leader(url, row["region"], row["term"], row["timeline"])
            if connection.leader.term < self._term:
                raise ConnectionError(f"the term of {row['region']} has passed: {row['term']} < {self._term}")
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _count_losses(self) -> None:
        ended = [connection for connection in self._open if connection.is_closed()]
        self._open.difference_update(ended)
        self.losses += bool(ended)

    def _found(self, connection: Connection) -> Connection:
        leader = connection.leader
        self._term = max(self._term, leader.term)
        self._urls.remove(leader.url)
        self._urls.insert(0, leader.url)
        self._open.add(connection)
        return connection

    async def examine(self, doubted: Leader) -> None:
        """Give `doubted` up if another database was made the primary after it; a slow one has no better
        alternative."""
        for url in [url for url in self._urls if url != doubted.url]:
            try:
                connection = await self._attempt(url, {"timeout": LOOK_S})
            except (*LOST, TimeoutError, asyncpg.PostgresError):
                continue
            connection.terminate()
            if connection.leader.outranks(doubted):
                self.give_up(doubted)
                return

    def give_up(self, leader: Leader) -> None:
        """Close every connection to that primary, also those in use, so that calls to it fail now and
        not at their time-out. Keep those to any other."""
        if self._urls[0] == leader.url:
            self._urls.append(self._urls.pop(0))
        for connection in [each for each in self._open if each.leader == leader]:
            connection.terminate()
        self._count_losses()


async def _first(attempts: set[asyncio.Task[Connection]], within_s: float | None) -> Connection | None:
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


def _discard(attempt: "asyncio.Task[Connection]") -> None:
    """Close the result of an attempt that is no longer awaited."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


class Database:
    """A pool of connections; `connection` lends one."""

    def __init__(self, pool: Any, primary: Primary, durability: Durability) -> None:
        self.durability = durability
        self._pool = pool
        self._primary = primary
        self._examination: asyncio.Task[None] | None = None
        self._losses_before_confirmation = -1

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside any transaction. Raises Unreachable or TimedOut, also for its use inside."""
        leader: Leader | None = None
        try:
            async with self._pool.acquire(timeout=ACQUIRE_S) as connection:
                leader = connection.leader
                provenance.note_primary(leader.name)
                yield connection
        except (TimeoutError, asyncpg.QueryCanceledError):
            if leader is not None:
                self._doubt(leader)
            raise TimedOut("postgres") from None
        except Unconfirmed:
            if leader is not None:
                self._doubt(leader)
            raise
        except (asyncpg.ReadOnlySQLTransactionError, asyncpg.ObjectNotInPrerequisiteStateError):
            if leader is not None:
                self._primary.give_up(leader)
            raise Unreachable("postgres") from None
        except (*LOST, *SHUTTING_DOWN):
            raise Unreachable("postgres") from None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection inside a transaction: committed at the end by the rules of `durability`, rolled back on any exception.

        Raise Unconfirmed if no standby confirms the commit.
        """
        async with self.connection() as connection:
            await connection.execute("BEGIN")
            try:
                await self.durability.admit(connection)
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise
            await self.durability.commit(connection)

    async def rely_on_reads(self, connection: Any) -> None:
        """Make sure that a standby has what this connection shows to customers. Raise Unconfirmed if none has.

        Commits are invisible while they wait. Those whose wait is cut short become visible when sessions end: with a
        crash of the server, or by an operator's hand. So one confirmation holds until a session of this pool has ended.
        """
        losses = self._primary.losses
        if losses != self._losses_before_confirmation:
            await self.durability.confirm(connection)
            self._losses_before_confirmation = losses

    def _doubt(self, leader: Leader) -> None:
        """A statement timed out: either it was slow, or another database has taken over."""
        if self._examination is None or self._examination.done():
            self._examination = asyncio.get_running_loop().create_task(self._primary.examine(leader))


async def _roll_back(connection: Any) -> None:
    """Roll back, or close the connection if that fails: the server rolls back then."""
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    except (*LOST, TimeoutError, asyncpg.PostgresError):
        # A connection that was given up meanwhile is in nobody's hands any more.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()


@asynccontextmanager
async def connected(
    url: str, connections: int = CONNECTIONS, durability: Durability | None = None
) -> AsyncIterator[Database]:
    """Open a database whose pool is connected; `url` as in `replication.places`, `durability` of its transactions.

    Raise TimeoutError if no database takes writes within READY_S.
    """
    primary = Primary([place.url for place in places(url)])
    async with asyncio.timeout(READY_S):
        pool = await _pool(primary, connections)
    try:
        yield Database(pool, primary, durability or Durability())
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
                connection_class=Connection,
                reset=_keep,
            )
        except (*LOST, TimeoutError):
            await asyncio.sleep(RETRY_S)
