"""Durability of commits: with REPLICATION=sync nothing is told to a client that only the primary has.

Postgres makes a commit wait for a standby and shows its rows to no other transaction before. A wait that is cut short
by a cancelled statement, an ended session or a crash leaves the commit done on the primary alone, and visible. So:

- a commit is never cancelled. If no standby confirms it in time, its session is abandoned and the outcome is unknown;
- before an answer or a charge relies on rows that were read, `confirm` waits until a standby has them;
- while no standby confirms, nothing is written. One query a request says so, so that the refusal is immediate.

With the guardrail `degraded`, commits wait for the primary alone while no standby confirms them, and answers say so in
the header X-Durability.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import asyncpg

from . import metrics
from .problems import Unconfirmed

HEADER = "X-Durability"
PRIMARY_ONLY = "primary-only"
# Shorter than the gateway waits for a whole checkout.
COMMIT_S = 0.9
CONFIRM_S = 0.6
POLL_S = 0.02
# The driver cancels a statement at its time-out; a commit must not be.
NEVER_S = 24 * 3600.0
LOCAL = "SET LOCAL synchronous_commit = local"
# Positions in bytes. Commits wait for the standbys that synchronous_standby_names lists, for no others.
STANDBYS = """
    SELECT current_setting('synchronous_standby_names') <> '' AS waits,
           pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS reached,
           (SELECT max(pg_wal_lsn_diff(flush_lsn, '0/0'))::bigint FROM pg_stat_replication
            WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS kept
"""

Listener = Callable[[object, Any], None]

_primary_only: ContextVar[bool] = ContextVar("primary_only", default=False)


def headers() -> dict[str, str]:
    """Return the header of an answer that relies on what only the primary has; else none."""
    return {HEADER: PRIMARY_ONLY} if _primary_only.get() else {}


@dataclass
class Durability:
    """Rules for the commits of one instance. `degraded`: go on without standbys, and say so."""

    synchronous: bool = False
    degraded: bool = False

    def __post_init__(self) -> None:
        # After a commit that wasn't confirmed: the position that a standby must have before the next one is tried.
        self._doubtful = False
        self._mark = 0

    @classmethod
    def from_environment(cls, *, degraded: bool) -> "Durability":
        """Return the rules for REPLICATION, `async` or `sync`."""
        return cls(os.environ.get("REPLICATION", "async") == "sync", degraded)

    async def asynchronous(self, connection: Any) -> bool:
        """Return True if orders are acknowledged without a standby though replication is synchronous."""
        return self.synchronous and self.degraded and not await self._standby_confirms(connection)

    async def admit(self, connection: Any) -> None:
        """Admit a transaction that has just begun. Raise Unconfirmed if no standby would confirm its commit."""
        if not self.synchronous or await self._standby_confirms(connection):
            return
        self._go_on_without_standby("nothing was written")
        await connection.execute(LOCAL)

    async def commit(self, connection: Any) -> None:
        """Commit the open transaction. Raise Unconfirmed if it may be on the primary alone, or not at all.

        In asynchronous mode raise TimeoutError if the primary doesn't answer in time.
        """
        cut_short: list[object] = []

        def hear(_connection: object, message: Any) -> None:
            if message.severity == "WARNING" and "committed locally" in (message.detail or ""):
                cut_short.append(message)

        connection.add_log_listener(hear)
        committing = asyncio.ensure_future(connection.execute("COMMIT", timeout=NEVER_S))
        try:
            async with asyncio.timeout(COMMIT_S):
                status = await asyncio.shield(committing)
        except (TimeoutError, asyncio.CancelledError) as error:
            self._doubtful = True
            await self._leave(connection, committing, hear)
            if isinstance(error, asyncio.CancelledError) or not self.synchronous:
                raise
            raise self._unconfirmed("whether the order is kept is unknown") from None
        connection.remove_log_listener(hear)
        if cut_short or status != "COMMIT":
            self._doubtful = True
            raise self._unconfirmed("whether the order is kept is unknown")

    async def _leave(self, connection: Any, committing: "asyncio.Future[Any]", hear: Listener) -> None:
        """Abandon a commit; in degraded mode cancel its wait, since its locks would block later orders."""
        with suppress(asyncpg.InterfaceError):
            connection.remove_log_listener(hear)
        if self.synchronous and self.degraded:
            committing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await committing
            return
        committing.add_done_callback(_ignore)
        # Another request may have given the primary up, and closed the connection, meanwhile.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()

    async def confirm(self, connection: Any) -> None:
        """Wait until a standby has every row that was read on this connection. Raise Unconfirmed if none has in time."""
        if not self.synchronous:
            return
        end = asyncio.get_running_loop().time() + CONFIRM_S
        row = await connection.fetchrow(STANDBYS)
        mark = row["reached"]
        while not _has(row, mark):
            if row["kept"] is None or asyncio.get_running_loop().time() > end:
                self._go_on_without_standby("what is kept may be lost with the primary")
                return
            await asyncio.sleep(POLL_S)
            row = await connection.fetchrow(STANDBYS)

    async def _standby_confirms(self, connection: Any) -> bool:
        row = await connection.fetchrow(STANDBYS)
        if not row["waits"] or row["kept"] is None:
            return False
        if self._doubtful:
            # A new primary's positions may be lower than those of the old one.
            self._mark = min(self._mark or row["reached"], row["reached"])
            if not _has(row, self._mark):
                return False
        self._doubtful, self._mark = False, 0
        return True

    def _go_on_without_standby(self, meaning: str) -> None:
        """Raise Unconfirmed unless degraded; then the answer to the current request says that only the primary has it."""
        if not self.degraded:
            raise self._unconfirmed(meaning)
        metrics.COMMITS_LOCAL.inc()
        _primary_only.set(True)

    def _unconfirmed(self, meaning: str) -> Unconfirmed:
        metrics.COMMITS_UNCONFIRMED.inc()
        return Unconfirmed(meaning)


def _has(row: Any, mark: int) -> bool:
    """Return True if a standby has the log up to that position."""
    return row["kept"] is not None and row["kept"] >= mark


def _ignore(committing: "asyncio.Future[Any]") -> None:
    """Take the error of an abandoned commit, so that it isn't logged as never retrieved."""
    if not committing.cancelled():
        committing.exception()
