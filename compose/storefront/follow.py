"""Watch over a running server: a standby streams from the current primary, a primary waits for standbys.

A standby that doesn't stream is pointed at the peer that leads, and notes its term. The watch ends with a remedy that needs
the server stopped: a rewind if its log has what the primary's doesn't, a new copy if nothing else helped; and a primary
steps down once a later term has begun.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import asyncpg

from .leadership import Times, leader, steps_down
from .replication import LOST, Place, Word, conninfo, diverged, quorum, survey

POLL_S = 0.4
# A server that was just started is asked as often as this until it answers, for so long at most.
START_POLL_S = 0.02
START_S = 2.0
ASK_S = 2.0
STANDBY = """
    SELECT pg_is_in_recovery() AS follows,
           (SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming') AS receiver,
           (SELECT max(substr(name, 1, 8)) FROM pg_ls_waldir() WHERE length(name) = 24) AS timeline,
           pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint AS reached,
           current_setting('primary_conninfo') AS source,
           coalesce(nullif(current_setting('storefront.term', true), ''), '0')::int AS term
"""
PRIMARY = """
    SELECT current_setting('synchronous_standby_names') <> '' AS waits,
           EXISTS (SELECT FROM pg_stat_replication
                   WHERE state = 'streaming' AND application_name = ANY ($1)) AS followed
"""
LEADS = """
    SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline,
           coalesce(nullif(current_setting('storefront.term', true), ''), '0')::int AS term
"""
VERIFIER = "SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = $1"
UNREACHABLE = (TimeoutError, asyncpg.PostgresError, *LOST)


class Remedy(Enum):
    """What a server is stopped for."""

    REWIND = auto()
    COPY = auto()
    STEP_DOWN = auto()


@dataclass
class Watch:
    """Watches the server at `own`, as its superuser. `synchronous`: as a primary it is to wait for one of its peers.

    `verifiers`: role → what Postgres keeps of its password in this run.
    """

    own: Place
    peers: Sequence[Place]
    synchronous: bool
    verifiers: Mapping[str, str] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        self._connection: Any = None
        self._receiver: int | None = None

    async def run(self) -> Remedy:
        """Watch until the data needs a remedy; return the remedy."""
        try:
            await self._await_server()
            remedy = await self._follow()
            return remedy or await self._lead()
        finally:
            self._hang_up()

    async def _await_server(self) -> None:
        """Return once the server answers, or after START_S: other work can't wait for it."""
        end = asyncio.get_running_loop().time() + START_S
        while await self._ask("SELECT") is None and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(START_POLL_S)

    async def _set_passwords(self) -> None:
        """Give each role the password of this run, unless it has it; standbys get it with the log.

        The commit waits for no standby: none can log in before it.
        """
        for role, verifier in self.verifiers.items():
            while (row := await self._ask(VERIFIER, role)) is None or row["verifier"] != verifier:
                if await self._ask("SET synchronous_commit = local", none=True):
                    await self._ask(f"ALTER ROLE {role} PASSWORD '{verifier}'", none=True)
                await asyncio.sleep(START_POLL_S)

    async def _follow(self) -> Remedy | None:
        """Keep the standby streaming; return a remedy, or None once the server takes writes."""
        loop = asyncio.get_running_loop()
        well = loop.time()
        while True:
            row = await self._ask(STANDBY)
            if row is not None and not row["follows"]:
                return None
            streams = self._streams(row)
            blank = row is not None and row["term"] == 0
            primary = leader(await self._survey()) if blank or not streams else None
            if streams and primary is not None and row["reached"] >= primary.reached:
                await self._note_term(row, primary)
            if streams or primary is None:
                well = loop.time()
            elif remedy := await self._point(row, primary):
                return remedy
            elif loop.time() - well > self.times.stuck_s:
                return Remedy.COPY
            await asyncio.sleep(POLL_S)

    async def _survey(self) -> list[Word]:
        return await survey(self.peers, self.times.ask_s)

    async def _note_term(self, row: Any, primary: Word) -> None:
        """Keep the primary's term, if it is later than what is known."""
        if primary.term > row["term"]:
            await self._set("storefront.term", str(primary.term))

    def _streams(self, row: Any) -> bool:
        """Return True if the same receiver as before streams: one whose request is refused ends, and another tries."""
        before, self._receiver = self._receiver, row["receiver"] if row is not None else None
        return before is not None and before == self._receiver

    async def _point(self, row: Any, primary: Word) -> Remedy | None:
        if row is None or primary.term < row["term"]:
            return None
        if diverged(int(row["timeline"], 16), row["reached"], primary):
            return Remedy.REWIND
        source = conninfo(primary.place, self.own.region, self.times.connect_s)
        if row["source"] != source:
            await self._set("primary_conninfo", source)
        if row["term"]:
            await self._note_term(row, primary)
        return None

    async def _lead(self) -> Remedy:
        """Set passwords; if synchronous, let commits wait for standbys as soon as there is one. Return to step down."""
        await self._set_passwords()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        wanted = quorum(self.peers) if self.synchronous else ""
        while True:
            if wanted:
                await self._have_commits_wait(wanted)
            else:
                self._hang_up()
            await asyncio.sleep(POLL_S)
            if loop.time() - asked >= self.times.look_s:
                asked = loop.time()
                if await self._has_passed():
                    return Remedy.STEP_DOWN

    async def _have_commits_wait(self, wanted: str) -> None:
        """Let commits wait for a standby once there is one."""
        row = await self._ask(PRIMARY, [peer.region for peer in self.peers])
        if row is not None and row["followed"] and not row["waits"]:
            await self._set("synchronous_standby_names", wanted)

    async def _has_passed(self) -> bool:
        """Return True if a peer knows a later term than this primary's, or leads since later."""
        words = await self._survey()
        row = await self._ask(LEADS) if any(word.term or word.timeline for word in words) else None
        return row is not None and steps_down(row["term"], row["timeline"], words)

    async def _set(self, name: str, value: str) -> None:
        literal = value.replace("'", "''")
        if await self._ask(f"ALTER SYSTEM SET {name} = '{literal}'", none=True):
            await self._ask("SELECT pg_reload_conf()")

    async def _ask(self, statement: str, *arguments: object, none: bool = False) -> Any:
        """Return the first row (`none`: True), or None if the server can't be asked now."""
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
