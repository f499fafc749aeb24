"""The way to the primary: which connections are given up, and which database is never gone back to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from storefront import database
from storefront.database import Primary

OLD, NEW = "postgresql://old", "postgresql://new"


class FakeConnection:
    """A connection to a primary of that term and timeline."""

    def __init__(self, region: str, term: int, timeline: int) -> None:
        self.row = {"region": region, "term": term, "timeline": timeline}
        self.closed = False
        self.leader: Any = None

    def get_settings(self) -> Any:
        return SimpleNamespace(in_hot_standby="off")

    async def fetchrow(self, statement: str, timeout: float) -> dict[str, object]:
        return self.row

    def terminate(self) -> None:
        self.closed = True

    def is_closed(self) -> bool:
        return self.closed


@dataclass
class Servers:
    """Servers that take writes, by their address; `before` runs before each connection to one."""

    of: dict[str, tuple[str, int, int]]
    before: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    async def connect(self, url: str, **_options: object) -> FakeConnection:
        if before := self.before.pop(url, None):
            await before()
        if url not in self.of:
            raise ConnectionRefusedError
        return FakeConnection(*self.of[url])


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    """One primary, at its first term."""
    fake = Servers({OLD: ("us-east", 1, 1)})
    monkeypatch.setattr(asyncpg, "connect", fake.connect)
    return fake


def test_a_primary_that_was_found_during_an_examination_is_kept(servers: Servers) -> None:
    """The examination is of the one that was slow: its connections are closed, and no other's."""

    async def examined() -> None:
        primary = Primary([OLD, NEW])
        old: Any = await primary.connect()
        found: list[Any] = []

        async def meanwhile() -> None:
            del servers.of[OLD]
            found.append(await primary.connect())

        servers.of[NEW] = ("eu-west", 2, 2)
        servers.before[NEW] = meanwhile
        await primary.examine(old.leader)
        assert (old.closed, found[0].closed) == (True, False)
        assert (await primary.connect()).leader.url == NEW

    asyncio.run(examined())


@pytest.mark.parametrize("other", [("eu-west", 1, 2), ("eu-west", 2, 3)])
def test_a_slow_primary_is_kept_while_no_later_one_is_there(
    servers: Servers, other: tuple[str, int, int]
) -> None:
    """A database that also takes writes, but by an earlier term, is no alternative."""

    async def examined() -> None:
        servers.of = {OLD: ("us-east", 2, 3), NEW: other}
        primary = Primary([OLD, NEW])
        slow: Any = await primary.connect()
        await primary.examine(slow.leader)
        assert not slow.closed

    asyncio.run(examined())


def test_a_database_whose_term_has_passed_is_never_gone_back_to(servers: Servers) -> None:
    """It takes writes and answers at once; orders that it took would be lost."""

    async def refused() -> None:
        servers.of[NEW] = ("eu-west", 2, 2)
        primary = Primary([NEW, OLD])
        assert (await primary.connect()).leader.name == "eu-west/2"
        del servers.of[NEW]
        with pytest.raises(ConnectionError, match="no database takes writes"):
            await primary.connect()

    asyncio.run(refused())


def test_a_database_that_turned_read_only_is_given_up_alone(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections are closed; those to the new primary stay."""

    async def gone() -> None:
        primary = Primary([OLD, NEW])
        old: Any = await primary.connect()
        servers.of = {NEW: ("eu-west", 2, 2)}
        new: Any = await primary.connect()
        primary.give_up(old.leader)
        assert (old.closed, new.closed) == (True, False)

    monkeypatch.setattr(database, "HEAD_START_S", 0.0)
    asyncio.run(gone())
