"""The watch over a running server: a standby streams from whoever is primary, a primary waits for standbys.

A standby that doesn't stream is pointed at the peer that takes writes. What it can't do while it runs is the watch's
result: to be rewound, where its log has what the primary's doesn't, or to be copied anew, where nothing else helped.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import asyncpg

from .replication import LOST, Place, Word, conninfo, diverged, leader, quorum, survey

POLL_S = 0.4
ASK_S = 2.0
# A standby that couldn't stream for so long, though the primary was there to be asked, never will.
STUCK_S = 12.0
STANDBY = """
    SELECT pg_is_in_recovery() AS follows,
           (SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming') AS receiver,
           (SELECT max(substr(name, 1, 8)) FROM pg_ls_waldir() WHERE length(name) = 24) AS timeline,
           pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint AS reached,
           current_setting('primary_conninfo') AS source
"""
PRIMARY = """
    SELECT current_setting('synchronous_standby_names') <> '' AS waits,
           EXISTS (SELECT FROM pg_stat_replication
                   WHERE state = 'streaming' AND application_name = ANY ($1)) AS followed
"""
UNREACHABLE = (TimeoutError, asyncpg.PostgresError, *LOST)


class Remedy(Enum):
    """What a standby needs before it can follow again."""

    REWIND = auto()
    COPY = auto()


@dataclass
class Watch:
    """Over the server at `own`. `synchronous`: as a primary it is to wait for one of its peers."""

    own: Place
    peers: Sequence[Place]
    synchronous: bool

    def __post_init__(self) -> None:
        self._connection: Any = None
        self._receiver: int | None = None

    async def run(self) -> Remedy:
        """As long as nothing has to be done to the data; then what."""
        try:
            remedy = await self._follow()
            if remedy is None:
                await self._lead()
            return remedy or Remedy.COPY
        finally:
            self._hang_up()

    async def _follow(self) -> Remedy | None:
        """None once it takes writes."""
        loop = asyncio.get_running_loop()
        well = loop.time()
        while True:
            row = await self._ask(STANDBY)
            if row is not None and not row["follows"]:
                return None
            primary = None if self._streams(row) else leader(await survey(self.peers))
            if primary is None:
                well = loop.time()
            elif remedy := await self._point(row, primary):
                return remedy
            elif loop.time() - well > STUCK_S:
                return Remedy.COPY
            await asyncio.sleep(POLL_S)

    def _streams(self, row: Any) -> bool:
        """By the same receiver as before: one that is refused what it asks for ends at once, and another tries."""
        before, self._receiver = self._receiver, row["receiver"] if row is not None else None
        return before is not None and before == self._receiver

    async def _point(self, row: Any, primary: Word) -> Remedy | None:
        if row is None:
            return None
        if diverged(int(row["timeline"], 16), row["reached"], primary):
            return Remedy.REWIND
        source = conninfo(primary.place, self.own.region)
        if row["source"] != source:
            await self._set("primary_conninfo", source)
        return None

    async def _lead(self) -> None:
        """From now on it is the primary: it waits for standbys as soon as there is one, and never ends."""
        wanted = quorum(self.peers) if self.synchronous else ""
        if not wanted:
            self._hang_up()
        while wanted:
            row = await self._ask(PRIMARY, [peer.region for peer in self.peers])
            if row is not None and row["followed"] and not row["waits"]:
                await self._set("synchronous_standby_names", wanted)
            await asyncio.sleep(POLL_S)
        await asyncio.Event().wait()

    async def _set(self, name: str, value: str) -> None:
        literal = value.replace("'", "''")
        if await self._ask(f"ALTER SYSTEM SET {name} = '{literal}'", none=True):
            await self._ask("SELECT pg_reload_conf()")

    async def _ask(self, statement: str, *arguments: object, none: bool = False) -> Any:
        """The first row (`none`: whether it was done); None where the server can't be asked now."""
        try:
            async with asyncio.timeout(ASK_S):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self.own.url, timeout=ASK_S, ssl=False)
                if none:
                    await self._connection.execute(statement)
                    return True
                return await self._connection.fetchrow(statement, *arguments)
        except UNREACHABLE:
            self._hang_up()
            return None

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None
