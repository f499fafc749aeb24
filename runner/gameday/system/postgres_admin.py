"""Administration of Postgres servers: find the primary, compare and promote standbys, await replication.

Each call opens its own connection to one server, with a time-out. PortError quotes the server's message.
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
ANNOUNCE_S = 5.0
KNOWN_TERM = "SELECT current_setting('storefront.term', true)"
CAUGHT_UP = """
    SELECT count(*) FROM pg_stat_replication
    WHERE application_name = $1 AND state = 'streaming'
    AND pg_wal_lsn_diff($2::text::pg_lsn, least(sent_lsn, replay_lsn)) <= 0
"""
RECEIVED = """
    SELECT CASE WHEN current_setting('storefront.term', true) = '0' THEN -1
                WHEN pg_is_in_recovery()
                THEN pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint
                ELSE 9223372036854775807 END
"""
COUNT_STANDBYS = "SELECT count(*) FROM pg_stat_replication"


def query(url: str, statement: str, *arguments: object) -> Any:
    """Return the first value of the first row. Raise PortError if the query fails."""
    return _run(url, lambda connection: connection.fetchval(statement, *arguments))


def execute(url: str, statements: str) -> None:
    """Run a script of statements in one transaction. Raise PortError if it fails."""
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
    except Exception as error:  # the driver raises many types for a server that is going away
        raise PortError(f"the database failed: {type(error).__name__}: {error}") from error


def takes_writes(url: str) -> bool:
    """Return True if the server is a primary."""
    return not query(url, "SELECT pg_is_in_recovery()")


def received(url: str) -> int:
    """Return how many bytes of the log a standby has received, comparable between standbys of one primary.

    A server that takes writes already, because its promotion outlasted the wait for it, ranks ahead of all standbys. A
    standby that has no data of the system's yet has received less than nothing: -1.
    """
    return int(query(url, RECEIVED) or 0)


def promote(url: str, within: float = 10.0) -> None:
    """Promote a standby and return once it takes writes; no-op on a primary. Raise PortError if it fails."""
    if takes_writes(url):
        return
    if not query(url, "SELECT pg_promote(true, $1)", round(within)) or not takes_writes(url):
        raise PortError(f"the standby was not promoted within {within:g} s")


def announce_term(url: str, term: int) -> None:
    """Let the server know that a term has begun; return once it knows. Raise PortError if it doesn't within 5 s.

    No-op on a standby that has no data of the system's yet: it knows no term.
    """
    if query(url, KNOWN_TERM) == "0":
        return
    query(url, f"ALTER SYSTEM SET storefront.term = '{term}'")
    query(url, "SELECT pg_reload_conf()")
    until = time.monotonic() + ANNOUNCE_S
    while query(url, KNOWN_TERM) != str(term):
        if time.monotonic() > until:
            raise PortError(f"the database doesn't take up term {term} within {ANNOUNCE_S:g} s")
        time.sleep(POLL_S)


def stop_waiting_for_standbys(url: str) -> bool:
    """Turn synchronous replication off if the primary has no standby, since every commit would wait for one.

    Return True if it was turned off.
    """
    if query(url, COUNT_STANDBYS) or not query(url, "SELECT current_setting('synchronous_standby_names')"):
        return False
    query(url, "ALTER SYSTEM SET synchronous_standby_names = ''")
    query(url, "SELECT pg_reload_conf()")
    return True


def await_caught_up(
    primary: str, standby: Callable[[], str], region: str, within: float, closing: threading.Event
) -> None:
    """Wait until the region's standby has replayed all that the primary has now, and answers.

    A standby that was rewound accepts connections only some time after its data are consistent. `standby` returns the
    standby's address, which changes if it is restarted meanwhile, or raises PortError. Raise PortError after `within`
    seconds, or if `closing` is set.
    """
    until = time.monotonic() + within
    mark: str | None = None
    why = ""
    while time.monotonic() < until:
        why = ""
        try:
            mark = mark or str(query(primary, "SELECT pg_current_wal_lsn()::text"))
            if query(primary, CAUGHT_UP, region, mark):
                if not takes_writes(standby()):
                    return
                why = ": it takes writes itself"
        except PortError as error:
            why = f": {error}"
        if closing.wait(POLL_S):
            raise PortError("the system is being taken down")
    raise PortError(f"the database of {region} has not caught up with the primary within {within:g} s{why}")
