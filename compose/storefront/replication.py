"""Databases in several regions: where they are, which of them takes writes, how far the others have come.

Operators decide which database is the primary: they give it a term (`ALTER SYSTEM SET storefront.term = '2'` on every
database) and `SELECT pg_promote(true, 10)`, once the old primary is surely stopped; docs/replication.md. A standby streams from the primary under its region's name, so `PROGRESS`, asked of the primary, has
one row a region: it has caught up when `state` is `streaming` and `behind` is at most 0. Under load that is asked best
of a mark: `SELECT pg_current_wal_lsn()` once, then `pg_wal_lsn_diff(<mark>, least(sent_lsn, replay_lsn)) <= 0` (what
was replayed alone may be another history, of a standby that is about to be rewound). Which standby to promote: the one
with the highest `pg_last_wal_receive_lsn()`.

Leaves who may lead to `leadership`, data directories to `volume`, and the watch over a running server to `follow`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

ASK_S = 1.0
CONNECT_S = 3
# If a server ends a connection while a query begins, the driver raises InternalClientError.
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
)
PROGRESS = """
    SELECT application_name AS region, state, sync_state,
           pg_wal_lsn_diff(pg_current_wal_lsn(), least(sent_lsn, replay_lsn))::bigint AS behind
    FROM pg_stat_replication
"""
# A timeline's history file says at which position each earlier timeline ended; the first timeline has none.
LOOK = """
    SELECT CASE WHEN follows THEN NULL ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline,
           CASE WHEN follows THEN NULL
                ELSE pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '.history', true)
           END AS history,
           coalesce(nullif(current_setting('storefront.term', true), ''), '0')::int AS term,
           pg_wal_lsn_diff(CASE WHEN follows THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                ELSE pg_current_wal_lsn() END, '0/0')::bigint AS reached
    FROM (SELECT pg_is_in_recovery() AS follows)
"""


@dataclass(frozen=True)
class Place:
    """A region's database: `url` is postgresql://user@host:port/name as the asker reaches it.

    The password is in PGPASSWORD for connections of ours, in a file for Postgres' own tools.
    """

    region: str
    url: str


def places(text: str) -> tuple[Place, ...]:
    """Parse `us-east=postgresql://…,eu-west=postgresql://…`, or one plain URL, whose region is then ''."""
    read = []
    for part in filter(None, text.split(",")):
        region, _, url = part.partition("=")
        read.append(Place("", part) if "://" in region else Place(region, url))
    return tuple(read)


class State(Enum):
    """State of a database, by its own answer."""

    WRITES = auto()
    FOLLOWS = auto()
    STARTS = auto()
    """It is up and doesn't know its role yet."""
    SILENT = auto()
    """The connection was accepted and no useful answer came in time: it may be anything."""
    ABSENT = auto()
    """No server accepts connections there."""


@dataclass(frozen=True)
class Word:
    """Answer of a database; `timeline` and `history` are set if it takes writes.

    `term` is the latest that it knows, 0 if it has no data of the system's yet; `reached`, the position of its log.
    """

    place: Place
    state: State
    timeline: int = 0
    history: str = ""
    term: int = 0
    reached: int = 0


async def ask(place: Place, within_s: float = ASK_S) -> Word:
    """Ask a database for its state."""
    try:
        async with asyncio.timeout(within_s):
            row = await _row(place.url, LOOK, within_s)
    except TimeoutError:
        return Word(place, State.SILENT)
    except asyncpg.CannotConnectNowError:
        return Word(place, State.STARTS)
    except LOST:
        return Word(place, State.ABSENT)
    except asyncpg.PostgresError:
        return Word(place, State.SILENT)
    term, reached = row["term"], row["reached"] or 0
    if row["timeline"] is None:
        return Word(place, State.FOLLOWS, term=term, reached=reached)
    return Word(place, State.WRITES, int(row["timeline"], 16), row["history"] or "", term, reached)


async def _row(url: str, statement: str, within_s: float) -> Any:
    connection = await asyncpg.connect(url, timeout=within_s, ssl=False)
    try:
        return await connection.fetchrow(statement)
    finally:
        connection.terminate()


async def survey(peers: Sequence[Place], within_s: float = ASK_S) -> list[Word]:
    """Ask all peers at once; return their answers."""
    return await asyncio.gather(*(ask(peer, within_s) for peer in peers))


def position(text: str) -> int:
    """Convert a log position to a number: `0/3000028` is 0x3000028."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def diverged(timeline: int, reached: int, primary: Word) -> bool:
    """Return True if a log that reached that position on that timeline has records that the primary's lacks."""
    if timeline >= primary.timeline:
        return timeline > primary.timeline
    for line in primary.history.splitlines():
        fields = line.split()
        if fields and fields[0] == str(timeline):
            return reached > position(fields[1])
    return True


def conninfo(place: Place, region: str, connect_s: int = CONNECT_S) -> str:
    """Return the connection string of a standby of that region; it connects only to a server that takes writes."""
    own = f"application_name={region or 'standby'} target_session_attrs=read-write"
    return f"{plain_conninfo(place, connect_s)} {own}"


def plain_conninfo(place: Place, connect_s: int = CONNECT_S) -> str:
    """Return the connection string for any server, without a password: command lines show it."""
    parts = urlsplit(place.url)
    values = {
        "host": parts.hostname or "",
        "port": str(parts.port or 5432),
        "user": unquote(parts.username or ""),
        "dbname": parts.path.lstrip("/"),
        "connect_timeout": str(connect_s),
    }
    return " ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quorum(peers: Sequence[Place]) -> str:
    """Return the value of synchronous_standby_names: any one of the peers; '' if there is none to wait for.

    Named, for a backup is a stream as well, and must never count as a replica.
    """
    names = ", ".join('"' + peer.region + '"' for peer in peers)
    return f"ANY 1 ({names})" if names else ""
