"""Synchronous replication as clients see it: nothing is answered, charged or queued that no standby has."""

import asyncio
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
import requests

from storefront import database, durability
from storefront.durability import NEVER_S, Durability
from storefront.problems import Unconfirmed
from tests.support import storefront_regions
from tests.support.storefront_regions import PLACE_ORDER, Databases
from tests.support.synchronous_shop import EU, US, SynchronousShop, synchronous_shop
from tests.support.waiting import until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
# Within the client's time-out of 2 s, with the machine's stalls.
IN_TIME_S = 1.8


@pytest.fixture
def strict(template: Path) -> Iterator[SynchronousShop]:
    """A shop without the guardrail `degraded`."""
    with synchronous_shop(template) as shop:
        yield shop


@pytest.fixture
def degraded(template: Path) -> Iterator[SynchronousShop]:
    """A shop that goes on without its standby, and says so."""
    with synchronous_shop(template, "timeouts,degraded") as shop:
        yield shop


def paid(shop: SynchronousShop, key: str) -> bool:
    """Return True if the order is answered as paid."""
    return shop.checkout(key).status_code in (200, 201)


def history(shop: SynchronousShop) -> list[str]:
    """Return the ids of the new orders in the customer's history."""
    answer = requests.get(shop.url("orders") + "/orders?user=1", timeout=5)
    assert answer.status_code == 200, answer.text
    return [order["id"] for order in answer.json()["orders"] if not order["id"].startswith("past-")]


def buy_often(shop: SynchronousShop, key: str) -> int:
    """Check out as an impatient client does, up to four times; return the last status."""
    status = 0
    for _ in range(4):
        status = shop.checkout(key, user=1 + hash(key) % 1000).status_code
        if status < 500:
            break
    return status


@pytest.mark.system
def test_a_frozen_standby_makes_checkouts_503_until_it_is_back(strict: SynchronousShop) -> None:
    """Nothing is charged or shown meanwhile, repeated keys included; each is paid once after that."""
    assert history(strict) == []
    strict.databases.pause(EU)
    begun = time.monotonic()
    assert strict.checkout("first").status_code == 503
    assert time.monotonic() - begun < IN_TIME_S
    for key in ("first", "second", "first"):
        answer = strict.checkout(key)
        assert (answer.status_code, "no standby" in answer.text) == (503, True), (key, answer.text)
    assert strict.charges("first") == strict.charges("second") == []
    assert strict.status("second") is None
    assert history(strict) == []
    strict.databases.pause(EU, signal.SIGCONT)
    for key in ("first", "second"):
        until(partial(paid, strict, key), "it is paid")
        assert len(strict.charges(key)) == 1
        assert strict.status(key, EU) == "paid"


@pytest.mark.system
def test_few_sessions_wait_for_a_standby_that_is_away(strict: SynchronousShop) -> None:
    """A hundred checkouts leave no more waiting sessions behind than one pool has; the others are refused at once."""
    strict.databases.pause(EU)
    with ThreadPoolExecutor(10) as buyers:
        statuses = set(buyers.map(lambda n: strict.checkout(f"many-{n}").status_code, range(100)))
    assert statuses <= {503, 504}
    assert strict.databases.ask(US, WAITING) <= 2 * database.CONNECTIONS
    assert strict.metric("commits_unconfirmed_total") >= 50
    strict.databases.pause(EU, signal.SIGCONT)
    until(partial(paid, strict, "many-0"), "it is paid")


@pytest.mark.system
def test_a_dead_standby_is_told_before_anything_is_written(strict: SynchronousShop) -> None:
    """The refusal comes at once, and no session waits."""
    strict.databases.kill(EU)
    until(lambda: not strict.waits(), "the primary knows")
    begun = time.monotonic()
    assert strict.checkout("alone").status_code == 503
    assert time.monotonic() - begun < IN_TIME_S
    assert strict.databases.ask(US, WAITING) == 0
    strict.databases.start(EU)
    until(partial(paid, strict, "alone"), "it is paid")


@pytest.mark.system
def test_what_was_acknowledged_survives_a_standby_cut_and_then_the_primary_lost(
    strict: SynchronousShop,
) -> None:
    """The promoted standby has each order that was answered as paid, and no charge is without its order."""
    keys = [f"order-{n}" for n in range(60)]
    with ThreadPoolExecutor(6) as buyers:
        answers = [buyers.submit(buy_often, strict, key) for key in keys]
        until(lambda: sum(answer.done() for answer in answers) >= 15, "some are acknowledged")
        strict.databases.pause(EU)
        statuses = [answer.result() for answer in answers]
    acknowledged = {key for key, status in zip(keys, statuses, strict=True) if status in (200, 201)}
    assert 15 <= len(acknowledged) < 60
    strict.databases.kill(US)
    strict.databases.pause(EU, signal.SIGCONT)
    until(lambda: strict.databases.follows(EU), "the standby answers")
    strict.databases.promote(EU)
    query = "SELECT coalesce(array_agg(id), '{}') FROM orders WHERE status = 'paid' AND id LIKE 'order-%'"
    assert acknowledged <= set(strict.databases.ask(EU, query))
    kept = strict.databases.orders(EU)
    assert {key for key in keys if strict.charges(key)} <= kept


@pytest.mark.system
@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
def test_a_wait_that_the_server_cuts_short_is_no_confirmation(strict: SynchronousShop, how: str) -> None:
    """The row is visible on the primary then; the order is neither answered nor charged until the standby has it."""
    strict.databases.pause(EU)
    with ThreadPoolExecutor(1) as buyer:
        answer = buyer.submit(strict.checkout, "cut-short")
        until(lambda: strict.databases.ask(US, WAITING) == 1, "the commit waits")
        cut = f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        assert strict.databases.ask(US, cut)
        assert answer.result().status_code == 503
    until(lambda: strict.status("cut-short") == "pending", "it is visible")
    for _ in range(3):
        assert strict.checkout("cut-short").status_code == 503
    state = requests.get(strict.url("orders") + "/orders/cut-short?user=1", timeout=5)
    assert state.status_code == 503
    assert strict.charges("cut-short") == []
    strict.databases.pause(EU, signal.SIGCONT)
    until(partial(paid, strict, "cut-short"), "it is paid")
    assert len(strict.charges("cut-short")) == 1


@pytest.mark.system
def test_a_restarted_primary_shows_nothing_that_no_standby_has(strict: SynchronousShop) -> None:
    """A crash makes commits visible that were waiting; neither the history nor a repeated key relies on them."""
    strict.databases.kill(EU)
    until(lambda: not strict.waits(), "the standby is gone")
    asyncio.run(_place_locally(strict.databases.url(US), "crashed"))
    strict.stop("orders")
    strict.start("orders")
    assert requests.get(strict.url("orders") + "/orders?user=1", timeout=5).status_code == 503
    assert requests.get(strict.url("orders") + "/orders/crashed?user=1", timeout=5).status_code == 503
    strict.databases.start(EU)
    until(lambda: strict.waits() and strict.databases.orders(EU) == {"crashed"}, "the standby has it")
    assert history(strict) == ["crashed"]


async def _place_locally(url: str, order: str) -> None:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=5)
    try:
        await connection.execute("SET synchronous_commit = local")
        await connection.execute(PLACE_ORDER, order)
    finally:
        connection.terminate()


@pytest.mark.system
def test_a_promoted_database_without_a_standby_takes_no_order(strict: SynchronousShop) -> None:
    """Its own settings don't wait for a standby yet; the shop doesn't take that for a confirmation."""
    assert strict.checkout("before").status_code == 201
    strict.databases.kill(US)
    strict.databases.promote(EU)
    until(lambda: "no standby" in strict.checkout("after").text, "the new primary is found")
    assert strict.checkout("before").status_code == 503
    strict.databases.start(US)
    until(partial(paid, strict, "after"), "it is paid")
    assert strict.checkout("before").status_code == 200


@pytest.mark.system
@pytest.mark.parametrize("away", ["frozen", "dead"])
def test_degraded_goes_on_without_a_standby_and_says_so(degraded: SynchronousShop, away: str) -> None:
    """In the answer's header, in /metrics and in /ready; with the standby back it waits again and says nothing."""
    assert "X-Durability" not in degraded.checkout("well").headers
    if away == "frozen":
        degraded.databases.pause(EU)
    else:
        degraded.databases.kill(EU)
    until(partial(paid, degraded, "alone"), "orders are taken")
    answer = degraded.checkout("alone-again")
    assert (answer.status_code, answer.headers["X-Durability"]) == (201, "primary-only")
    assert degraded.metric("commits_local_total") >= 2
    ready = requests.get(degraded.url("checkout") + "/ready", timeout=5).json()
    assert ready == {"database": True, "asynchronous": True}
    assert len(degraded.charges("alone")) == 1
    if away == "frozen":
        degraded.databases.pause(EU, signal.SIGCONT)
    else:
        degraded.databases.start(EU)
    until(lambda: "X-Durability" not in degraded.checkout("alone").headers, "it waits again")
    assert requests.get(degraded.url("checkout") + "/ready", timeout=5).json() == {"database": True}


@pytest.mark.system
def test_asynchronous_replication_waits_for_nobody(template: Path) -> None:
    """With REPLICATION=async a dead standby is no reason to refuse, and no header speaks of it."""
    with synchronous_shop(template, mode="async") as shop:
        shop.databases.kill(EU)
        answer = shop.checkout("async")
        assert (answer.status_code, "X-Durability" in answer.headers) == (201, False)


@pytest.mark.system
def test_a_cancelled_request_leaves_its_commit_waiting(template: Path) -> None:
    """The server is not asked to cut the wait short: the row stays invisible until the standby has it."""
    with storefront_regions.databases(template, (US, EU), REPLICATION="sync") as up:
        until(
            lambda: up.ask(US, "SELECT sync_state = 'quorum' FROM pg_stat_replication"), "the primary waits"
        )
        up.pause(EU)
        asyncio.run(_cancel_in_commit(up))
        assert (up.ask(US, WAITING), up.orders(US)) == (1, set())
        up.pause(EU, signal.SIGCONT)
        until(lambda: up.orders(US) == {"cancelled"}, "it is confirmed")


async def _cancel_in_commit(up: Databases) -> None:
    async def write() -> None:
        async with opened.transaction() as connection:
            await connection.execute(PLACE_ORDER, "cancelled")

    async with database.connected(up.client_urls, durability=Durability(synchronous=True)) as opened:
        writing = asyncio.create_task(write())
        while not await asyncio.to_thread(up.ask, US, WAITING):
            await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.wait({writing})
        assert writing.cancelled()
        with pytest.raises(Unconfirmed, match="nothing was written"):
            await write()


class Log:
    """A connection whose standbys answer what the test says; it keeps what was executed."""

    def __init__(self, *rows: tuple[bool, int, int | None]) -> None:
        self.rows = list(rows)
        self.executed: list[str] = []

    async def fetchrow(self, _statement: str) -> dict[str, Any]:
        waits, reached, kept = self.rows.pop(0) if len(self.rows) > 1 else self.rows[0]
        return {"waits": waits, "reached": reached, "kept": kept}

    async def execute(self, statement: str) -> None:
        self.executed.append(statement)


@pytest.mark.parametrize(
    ("row", "admitted"),
    [((True, 10, 10), True), ((True, 10, 4), True), ((True, 10, None), False), ((False, 10, 10), False)],
)
def test_a_transaction_begins_only_with_a_standby_that_commits_wait_for(
    row: tuple[bool, int, int | None], admitted: bool
) -> None:
    """A standby that is a little behind will do; one that commits don't wait for won't."""

    async def admit() -> bool:
        try:
            await Durability(synchronous=True).admit(Log(row))
        except Unconfirmed:
            return False
        return True

    assert asyncio.run(admit()) is admitted


def test_after_a_doubtful_commit_a_standby_must_catch_up_first() -> None:
    """Up to the position that the log had reached when that was first asked, on a primary with a shorter log to its own."""

    async def admitted(*rows: tuple[bool, int, int | None]) -> list[bool]:
        durability = Durability(synchronous=True, degraded=True)
        durability._doubtful = True
        results = []
        for row in rows:
            connection = Log(row)
            await durability.admit(connection)
            results.append(not connection.executed)
        return results

    assert asyncio.run(admitted((True, 100, 90), (True, 120, 99), (True, 130, 100), (True, 140, 100))) == [
        False,
        False,
        True,
        True,
    ]
    assert asyncio.run(admitted((True, 100, 90), (True, 50, 40), (True, 60, 50))) == [False, False, True]


def test_asynchronous_mode_asks_nothing() -> None:
    """No query is spent on standbys that nobody waits for."""
    silent = SimpleNamespace()
    asyncio.run(Durability().admit(silent))
    asyncio.run(Durability().confirm(silent))
    assert asyncio.run(Durability(degraded=True).asynchronous(silent)) is False


def test_the_driver_still_raises_what_is_translated() -> None:
    """A position can't be asked of a standby: that error means a lost primary, and not a defect."""
    assert issubclass(asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.PostgresError)


class Committing:
    """A connection whose COMMIT ends as the test says: with a status, after a warning, or never."""

    def __init__(self, status: str | None = "COMMIT", warning: str = "", *, closed: bool = False) -> None:
        self.status, self.warning, self.closed = status, warning, closed
        self.listeners: list[Any] = []
        self.events: list[str] = []

    def add_log_listener(self, listener: Any) -> None:
        self.listeners.append(listener)

    def remove_log_listener(self, listener: Any) -> None:
        self._check()
        self.listeners.remove(listener)

    def terminate(self) -> None:
        self._check()
        self.events.append("terminated")

    def _check(self) -> None:
        if self.closed:
            raise asyncpg.InterfaceError("connection has been released back to the pool")

    async def execute(self, statement: str, timeout: float) -> str:
        assert (statement, timeout) == ("COMMIT", NEVER_S)
        if self.warning:
            self.listeners[0](self, SimpleNamespace(severity="WARNING", detail=self.warning))
        try:
            await asyncio.sleep(0 if self.status else 60)
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        return self.status or ""


def commit(connection: Committing, rules: Durability) -> type[BaseException] | None:
    """Commit; return the type of the error, None if there is none."""

    async def run() -> type[BaseException] | None:
        try:
            await rules.commit(connection)
        except Exception as error:
            return type(error)
        return None

    return asyncio.run(run())


LOCALLY = "The transaction has already committed locally, but might not have been replicated to the standby."


@pytest.mark.parametrize(
    ("connection", "error"),
    [
        (Committing(), None),
        (Committing(warning="a checkpoint is due"), None),
        (Committing(warning=LOCALLY), Unconfirmed),
        (Committing("ROLLBACK"), Unconfirmed),
    ],
)
def test_a_commit_counts_if_its_wait_was_not_cut_short(
    connection: Committing, error: type[BaseException] | None
) -> None:
    """Postgres answers COMMIT for a cancelled wait too, after a warning; a failed transaction is answered ROLLBACK."""
    assert commit(connection, Durability(synchronous=True)) is error
    assert (connection.listeners, connection.events) == ([], [])


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    ("rules", "error", "event"),
    [
        (Durability(), TimeoutError, "terminated"),
        (Durability(synchronous=True), Unconfirmed, "terminated"),
        (Durability(synchronous=True, degraded=True), Unconfirmed, "cancelled"),
    ],
)
def test_a_commit_that_takes_too_long_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, rules: Durability, error: type[BaseException], event: str, closed: bool
) -> None:
    """Its session is abandoned, also if somebody else closed the connection; in degraded mode alone its wait is cancelled."""
    monkeypatch.setattr(durability, "COMMIT_S", 0.01)
    connection = Committing(None, closed=closed)
    assert commit(connection, rules) is error
    expected = [] if closed and event == "terminated" else [event]
    # The loop's end cancels what was abandoned.
    assert connection.events[: len(expected)] == expected
