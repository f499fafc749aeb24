"""What operators ask databases directly: who takes writes, has a standby caught up, take over now.

Each call opens a connection of its own to one server, bounded in time. The server's own words end up in PortError.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from gameday.ports import PortError

CONNECT_S = 2.0
STATEMENT_S = 15.0
POLL_S = 0.05
CLOSE = """
    SELECT count(*) FROM pg_stat_replication
    WHERE application_name = $1 AND state = 'streaming'
    AND pg_wal_lsn_diff($2::text::pg_lsn, least(sent_lsn, replay_lsn)) <= 0
"""
RECEIVED = """
    SELECT CASE WHEN pg_is_in_recovery()
                THEN pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint
                ELSE 9223372036854775807 END
"""
OTHERS = "SELECT count(*) FROM pg_stat_replication"


def query(url: str, statement: str, *arguments: object) -> Any:
    """The first value of the first row. Raises PortError."""
    return _run(url, lambda connection: connection.fetchval(statement, *arguments))


def execute(url: str, statements: str) -> None:
    """Runs a script of statements in one transaction. Raises PortError."""
    _run(url, lambda connection: connection.execute(statements))


def _run(url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def connected() -> Any:
        import asyncpg

        connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=STATEMENT_S)
        try:
            return await work(connection)
        finally:
            connection.terminate()

    try:
        return asyncio.run(asyncio.wait_for(connected(), CONNECT_S + STATEMENT_S))
    except Exception as error:  # whatever the driver makes of a server that is going away
        raise PortError(f"the database failed: {type(error).__name__}: {error}") from error


def takes_writes(url: str) -> bool:
    """Whether it is a primary."""
    return not query(url, "SELECT pg_is_in_recovery()")


def received(url: str) -> int:
    """How far a standby has come: bytes of the log, comparable between standbys of one primary.

    One that takes writes already, since it was promoted later than was waited for, is ahead of all that follow.
    """
    return int(query(url, RECEIVED) or 0)


def promote(url: str, within: float = 10.0) -> None:
    """Makes a standby the primary, unless it is by now; returns once it takes writes. Raises PortError."""
    if takes_writes(url):
        return
    if not query(url, "SELECT pg_promote(true, $1)", round(within)) or not takes_writes(url):
        raise PortError("the standby was not promoted in time")


def stop_waiting(url: str) -> bool:
    """A primary without any standby would keep every commit waiting for one: True where it was told not to."""
    if query(url, OTHERS) or not query(url, "SELECT current_setting('synchronous_standby_names')"):
        return False
    query(url, "ALTER SYSTEM SET synchronous_standby_names = ''")
    query(url, "SELECT pg_reload_conf()")
    return True


def await_caught_up(
    primary: str, standby: Callable[[], str], region: str, within: float, closing: threading.Event
) -> None:
    """Waits until the region's standby has replayed all that the primary has now, and answers. Raises PortError.

    One that was rewound takes no connection before its data are consistent, and a moment longer. `standby` gives its
    address, which changes where it is started again meanwhile; it may raise PortError.
    """
    until = time.monotonic() + within
    mark: str | None = None
    why = ""
    while time.monotonic() < until:
        why = ""
        try:
            mark = mark or str(query(primary, "SELECT pg_current_wal_lsn()::text"))
            if query(primary, CLOSE, region, mark):
                if not takes_writes(standby()):
                    return
                why = ": it takes writes itself"
        except PortError as error:
            why = f": {error}"
        if closing.wait(POLL_S):
            raise PortError("the system is being taken down")
    raise PortError(f"the database of {region} has not caught up with the primary within {within:g} s{why}")
