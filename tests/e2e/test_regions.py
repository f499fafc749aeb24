"""Regions, databases and operations on the real system without load."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gameday.execution import library, wiring
from gameday.operations import Operation
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal, read_journal
from gameday.scenario import Scenario, System
from gameday.scenario.scenario_model import Replication
from gameday.system import postgres_admin
from gameday.system.operation_executor import OperationExecutor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
REGIONS = ("us-east", "eu-west", "me-central")


class Shop:
    """The storefront in three regions on plain processes, and the operations on it."""

    def __init__(self, room: Path) -> None:
        base = library.read(library.find("primary-lost-sync"))
        system = System(regions=REGIONS, replication=Replication(mode="sync"))
        scenario: Scenario = base.model_copy(update={"system": system})
        settings = wiring.Settings("run-of-regions", room / "run", 1, "process")
        settings.folder.mkdir()
        self.journal = Journal(settings.folder / "journal.jsonl")
        self.operator = wiring.operator(scenario, settings, self.journal, RunClock())
        self.system = self.operator.system
        self.recovery = OperationExecutor(self.operator)

    def carry(self, name: Any, target: str) -> None:
        self.recovery.execute(Operation(name, target, "test"), "c1")

    def sold(self, region: str) -> int:
        return int(
            postgres_admin.query(
                self.system.database(region), "SELECT count(*) FROM orders WHERE id LIKE 'test-%'"
            )
        )

    def status(self, region: str) -> dict[str, Any]:
        edge = self.system.instances("edge")[0]
        state: dict[str, Any] = self.system.ask(edge, "GET", "/_operator/status")["regions"][region]
        return state


def order(number: int) -> str:
    """Return an order that no checkout would write, for the database that accepts it."""
    return (
        "INSERT INTO orders (id, user_id, status, total_cents, placed_at, region, items, contact) "
        f"VALUES ('test-{number}', 1, 'paid', 1, now(), 'us-east', '[]', '{{}}') RETURNING id"
    )


def eventually(holds: Callable[[], bool], within: float = 20.0) -> None:
    """Wait until the condition is true."""

    async def wait() -> None:
        async with asyncio.timeout(within):
            while not await asyncio.to_thread(holds):
                await asyncio.sleep(0.05)

    asyncio.run(wait())


@pytest.fixture
def shop(room: Path) -> Iterator[Shop]:
    example = Shop(room)
    try:
        example.system.bring_up()
        yield example
    finally:
        left = example.operator.take_down()
        example.journal.close()
    assert left == []


def test_a_cut_off_primary_is_fenced_and_never_takes_a_write_again(shop: Shop) -> None:
    """No split brain: after the promotion the old address doesn't answer, and once it is back it is
    read-only."""
    old = shop.system.database("us-east")
    eventually(lambda: bool(postgres_admin.query(old, "SELECT current_setting('synchronous_standby_names')")))
    assert postgres_admin.query(old, order(1)) == "test-1"
    shop.system.isolate("us-east")
    eventually(lambda: not shop.status("us-east")["up"])
    shop.carry("failover", "us-east")
    shop.carry("promote", "eu-west")
    with pytest.raises(PortError, match="Connect"):
        postgres_admin.query(old, order(2))
    primary = shop.system.primary()
    assert postgres_admin.query(shop.system.database(primary), order(3)) == "test-3"
    shop.system.join("us-east")
    shop.carry("rejoin", "us-east")
    with pytest.raises(PortError, match="ReadOnly"):
        postgres_admin.query(shop.system.database("us-east"), order(4))
    assert (shop.sold(primary), shop.sold("us-east")) == (2, 2)
    eventually(lambda: [shop.sold(region) for region in REGIONS] == [2, 2, 2])
    eventually(lambda: bool(shop.status("us-east")["up"]) and not shop.status("us-east")["drained"])
    kinds = [(event.kind, event.subject) for event in read_journal(shop.journal.path)]
    assert kinds.index(("fence.confirmed", "us-east")) < kinds.index(("database.promoted", primary))


def test_a_lost_primary_comes_back_as_a_standby_with_its_divergence_undone(shop: Shop) -> None:
    """A write that only the lost region had is undone by the rejoin: all databases have one history."""
    url = shop.system.database("us-east")
    assert postgres_admin.query(url, order(1)) == "test-1"
    for region in ("eu-west", "me-central"):
        shop.system.await_caught_up(region)
    shop.system.isolate("us-east")
    lonely = f"SET synchronous_commit = local; {order(2)}"
    postgres_admin.execute(url, lonely)
    shop.system.lose("us-east", destroy=False)
    shop.carry("promote", "")
    shop.system.join("us-east")
    shop.system.bring_back("us-east")
    assert not shop.system.instances("postgres", "us-east")
    shop.carry("rejoin", "us-east")
    assert shop.sold("us-east") == 1
    assert shop.sold(shop.system.primary()) == 1


@pytest.mark.full
def test_a_region_lost_with_its_volumes_is_whole_again_after_its_return(shop: Shop) -> None:
    """Its database is copied anew from the primary and every instance runs; bringing it back is
    idempotent."""
    shop.system.lose("eu-west", destroy=True)
    assert not shop.system.instances(region="eu-west")
    assert postgres_admin.query(shop.system.database("us-east"), order(1)) == "test-1"
    shop.system.bring_back("eu-west")
    shop.system.bring_back("eu-west")
    assert shop.sold("eu-west") == 1
    assert shop.system.restored()
    eventually(lambda: bool(shop.status("eu-west")["up"]))


@pytest.mark.full
def test_a_paused_database_does_not_answer_until_it_is_resumed(shop: Shop) -> None:
    """Its whole process tree is stopped."""
    instance = shop.system.instances("postgres", "us-east")[0]
    url = shop.system.database("us-east")
    ask = functools.partial(asyncpg.connect, url, timeout=1)
    shop.system.substrate.pause(instance)
    with pytest.raises(TimeoutError):
        asyncio.run(ask())
    shop.system.substrate.resume(instance)
    assert postgres_admin.takes_writes(url)
