"""The queue of orders that are charged later: refused ones are set aside, all others are paid in the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import requests

from storefront import charging, database, placing
from storefront.charging import Charging, Queue
from storefront.durability import Durability
from storefront.flags import Flags
from storefront.guardrails import Guardrails
from storefront.outgoing import Answer
from storefront.placing import Order
from storefront.problems import Broken, Problem, Unreachable
from storefront.settings import Settings
from tests.support.storefront_services import PAYMENTS_KEY, Shop, right_prices, sql
from tests.support.waiting import until

SETTINGS = Settings("checkout", "us-east", "checkout-1.0.0", "checkout-1", "127.0.0.1", 1)


@contextmanager
def queueing(shop: Shop) -> Iterator[None]:
    """Switch the flag `queue-checkout` on, and off at the end."""
    shop.operate("checkout", "flags", {"queue-checkout": True})
    try:
        yield
    finally:
        shop.operate("checkout", "flags", {"queue-checkout": False})


def status(shop: Shop, key: str, user: int) -> Any:
    """Return the state of an order as its customer is told."""
    answer = shop.get(f"/orders/{key}?user={user}")
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


def has_status(shop: Shop, key: str, user: int, wanted: str) -> bool:
    """Return True if the customer is told that state."""
    return bool(status(shop, key, user) == wanted)


def charge(shop: Shop, key: str, cents: int) -> None:
    """Charge an amount under that key at the third party itself."""
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {PAYMENTS_KEY}"}
    url = shop.url("payments") + "/charges"
    assert requests.post(url, json={"amount_cents": cents}, headers=headers, timeout=5).status_code == 201


@pytest.mark.system
@pytest.mark.parametrize("why", ["the card", "another amount"])
def test_a_queued_order_that_payments_refuse_is_set_aside(shop: Shop, why: str) -> None:
    """It fails, its stock is given back, its customer is told, and the orders behind it are paid."""
    refused, behind = f"refused-{why[:3]}", f"behind-{why[:3]}"
    items = {113: 1000, 114: 1000} if why == "the card" else {113: 1}
    if why == "another amount":
        charge(shop, refused, 1)
    with queueing(shop):
        assert shop.checkout(refused, 63, items).status_code == 202
        assert shop.checkout(behind, 64, {115: 1}).status_code == 202
        assert status(shop, refused, 63) == "pending"
    until(partial(has_status, shop, behind, 64, "paid"), "the order behind it is paid")
    until(partial(has_status, shop, refused, 63, "failed"), "it is set aside")
    assert shop.charges(behind) == [right_prices()[115]]
    assert sql(shop, "SELECT quantity FROM stock WHERE product = 113") == 1_000_000
    assert shop.checkout(refused, 63, items).status_code == 402
    assert 'orders_set_aside_total{why="refused"}' in shop.metrics("checkout")


@pytest.mark.system
def test_orders_queued_by_hand_are_charged_after_a_restart(shop: Shop) -> None:
    """Without the guardrail too, and a dead instance's as well: every start looks for what was left pending."""
    with queueing(shop):
        assert shop.checkout("by-hand-1", 65, {116: 1}).status_code == 202
    with queueing(shop):
        assert shop.checkout("by-hand-2", 65, {116: 2}).status_code == 202
        shop.running["checkout"].kill()
        shop.stop("checkout")
        shop.start("checkout")
    for key in ("by-hand-1", "by-hand-2"):
        until(partial(has_status, shop, key, 65, "paid"), "it is paid")
        assert len(shop.charges(key)) == 1


@pytest.mark.system
def test_an_unforeseen_error_doesnt_end_the_queue(shop: Shop) -> None:
    """A row that can't be read fails the look for pending orders; afterwards queued ones are charged as before."""
    sql(
        shop,
        """INSERT INTO orders SELECT 'unreadable', 66, 'pending', 1, now() - interval '1 h', 'us-east', '[{}]', '{}'""",
    )
    shop.stop("checkout")
    shop.start("checkout")
    until(lambda: 'loop_failures_total{loop="charging"}' in shop.metrics("checkout"), "it is counted")
    sql(shop, "DELETE FROM orders WHERE id = 'unreadable'")
    with queueing(shop):
        assert shop.checkout("after-error", 66, {117: 1}).status_code == 202
    until(partial(has_status, shop, "after-error", 66, "paid"), "it is paid")


@pytest.mark.system
def test_the_state_of_an_order_is_told_to_its_customer_alone(shop: Shop) -> None:
    """Another customer's order, or none, is a 404."""
    assert shop.checkout("own", 67, {118: 1}).status_code == 201
    answer = shop.get("/orders/own?user=67")
    assert answer.json() == {"order_id": "own", "total_cents": right_prices()[118], "status": "paid"}
    assert shop.get("/orders/own?user=68").status_code == 404
    assert shop.get("/orders/none?user=67").status_code == 404
    assert shop.get("/orders/own").status_code == 400


class Payments:
    """A third party whose answers the test makes, order by order; it keeps what it was asked."""

    name = "payments"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def call(self, _method: str, _path: str, _body: bytes, headers: dict[str, str]) -> Answer:
        key = headers["Idempotency-Key"]
        self.asked.append(key)
        answer = self.answers.get(key, 201)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, {}, b"{}")

    def read(self, _answer: Answer) -> dict[str, object]:
        return {"order_id": self.asked[-1], "amount_cents": 5}


def order(key: str, state: str = "pending") -> Order:
    """Return an order of five cents."""
    return Order(key, 70, ((119, 1),), 5, state)


def place(shop: Shop, key: str, state: str = "pending") -> None:
    """Write an order of five cents."""
    sql(
        shop,
        """INSERT INTO orders
           VALUES ($1, 70, $2, 5, now(), 'us-east', '[{"product": 119, "quantity": 1}]', '{}')""",
        key,
        state,
    )


@pytest.mark.system
def test_an_order_that_is_gone_is_never_called_paid(shop: Shop) -> None:
    """Its row was lost with a database: 503, and the same key places it again. One that failed is no paid one either."""
    place(shop, "failed-before", "failed")
    place(shop, "paid-before", "paid")

    async def settle() -> None:
        async with database.connected(shop.database) as opened:
            charge = Charging(opened, Payments(), "")  # type: ignore[arg-type]
            with pytest.raises(Problem, match="the order is gone") as gone:
                await charge.settle(order("never-placed"), charged=True)
            assert gone.value.status == 503
            with pytest.raises(Problem, match="the order is gone"):
                await charge.settle(order("never-placed"), charged=False)
            with pytest.raises(Problem, match="failed though it was charged"):
                await charge.settle(order("failed-before"), charged=True)
            assert (await charge.settle(order("paid-before"), charged=True)).status == "paid"
            assert (await charge.settle(order("paid-before"), charged=False)).status == "paid"
            assert (await charge.settle(order("failed-before"), charged=False)).status == "failed"

    asyncio.run(settle())
    assert sql(shop, "SELECT quantity FROM stock WHERE product = 119") == 1_000_000


@pytest.mark.system
def test_one_order_that_fails_doesnt_hold_up_the_others(shop: Shop) -> None:
    """Neither one that payments fail, nor one that raises what nobody foresaw; a lost one isn't even charged."""
    for key in ("q-1", "q-2", "q-3", "q-4"):
        place(shop, key)
    payments = Payments(**{"q-1": 500, "q-2": KeyError("unforeseen"), "q-3": 409})

    async def charge() -> list[str]:
        async with database.connected(shop.database) as opened:
            queue = Queue(SETTINGS, opened, Charging(opened, payments, ""))  # type: ignore[arg-type]
            for key in ("q-lost", "q-1", "q-2", "q-3", "q-4"):
                queue.add(order(key))
            await queue._charge_all()
            return list(queue._waiting)

    assert asyncio.run(charge()) == ["q-1", "q-2"]
    assert payments.asked == ["q-1", "q-2", "q-3", "q-4"]
    states = [sql(shop, "SELECT status FROM orders WHERE id = $1", f"q-{n}") for n in range(1, 5)]
    assert states == ["pending", "pending", "failed", "paid"]


@pytest.mark.system
@pytest.mark.parametrize(
    ("answer", "asked"), [(500, charging.FAILURES_IN_A_ROW), (Unreachable("payments"), 1)]
)
def test_a_round_ends_early_if_payments_are_away(shop: Shop, answer: Any, asked: int) -> None:
    """A queue of fifty isn't sent to a third party that answers nobody."""
    keys = [f"away-{asked}-{n}" for n in range(6)]
    for key in keys:
        place(shop, key)
    payments = Payments(**dict.fromkeys(keys, answer))

    async def charge() -> None:
        async with database.connected(shop.database) as opened:
            queue = Queue(SETTINGS, opened, Charging(opened, payments, ""))  # type: ignore[arg-type]
            for key in keys:
                queue.add(order(key))
            with pytest.raises((Broken, Unreachable), match="payments"):
                await queue._charge_all()
            assert set(queue._waiting) == set(keys)

    asyncio.run(charge())
    assert len(payments.asked) == asked


class Looked:
    """A database without rows whose time the test sets; it keeps the bound of each look for pending orders."""

    durability = Durability()

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = self.begun = datetime(2026, 1, 1, tzinfo=UTC)
        self.bounds: list[datetime | None] = []
        monkeypatch.setattr(placing, "now", self._now)
        monkeypatch.setattr(placing, "left_behind", self._left_behind)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield None

    async def _now(self, _connection: None) -> datetime:
        return self.time

    async def _left_behind(
        self, _connection: None, _seconds: float, before: datetime | None, _most: int
    ) -> tuple[datetime, list[Order]]:
        self.bounds.append(before)
        return self.time, []

    def look(self, queue: Queue, times: int) -> None:
        """Look so often, four seconds apart."""
        for _ in range(times):
            asyncio.run(queue._look())
            self.time += timedelta(seconds=4)


def test_a_start_looks_until_all_that_was_left_before_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders from before the start are old enough after five seconds; those of others that came later aren't touched."""
    looked = Looked(monkeypatch)
    queue = Queue(SETTINGS, looked, Charging(looked, Payments(), ""))  # type: ignore[arg-type]
    looked.look(queue, 6)
    assert looked.bounds == [looked.begun] * 3


@pytest.mark.parametrize("how", ["flag", "guardrail"])
def test_an_instance_that_may_queue_looks_for_the_orders_of_all_others(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """An instance that queued orders may die and never come back; under the flag the others go on after it is off."""
    looked = Looked(monkeypatch)
    names = frozenset({"degraded"} if how == "guardrail" else set())
    settings = replace(SETTINGS, guardrails=Guardrails(names), flags=Flags())
    queue = Queue(settings, looked, Charging(looked, Payments(), ""))  # type: ignore[arg-type]
    settings.flags.switch({"queue-checkout": how == "flag"})
    looked.look(queue, 1)
    settings.flags.switch({"queue-checkout": False})
    looked.look(queue, 3)
    assert looked.bounds == [None] * 4
