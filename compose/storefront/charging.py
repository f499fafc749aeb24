"""Charging orders at payments: at once, or later for those that were taken while payments didn't answer.

With the guardrail `degraded`, and under the flag `queue-checkout`, a customer isn't made to wait for payments: the
order stays `pending` in Postgres and is charged once payments answers. What this instance has queued it knows; what
another left behind it finds in Postgres, at every start and in degraded mode again and again. Charging one twice is no
danger, for the order's id is the charge's key. An order that payments refuses for good becomes `failed`.
"""

import asyncio
import json
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from . import metrics, placing
from .database import Database
from .outgoing import Answer, Peer
from .placing import Order
from .problems import Broken, Problem, UpstreamProblem
from .settings import Settings

CHARGED = (200, 201)
# The card was refused; or the charge can't ever succeed: malformed, or the key was used for another amount.
CARD_REFUSED = 402
REFUSED = (400, CARD_REFUSED, 409, 422)
EVERY_S = 1.0
# Rounds between two queries for pending orders that no instance charges.
LOOK_EVERY = 5
# Older than any checkout that is still under way.
LEFT_BEHIND_S = 5.0
AT_ONCE = 50
# A round ends after so many orders in a row that payments failed: the fault isn't the orders'.
FAILURES_IN_A_ROW = 3


class Charging:
    """Takes orders from pending to paid or failed. `key` is the merchant's key at payments."""

    def __init__(self, opened: Database, payments: Peer, key: str) -> None:
        self._database = opened
        self._payments = payments
        self._key = key

    async def ask(self, order: Order) -> bool:
        """Charge the order; return False if payments refuses it for good. Raise UpstreamProblem if it doesn't answer."""
        body = json.dumps({"amount_cents": order.total_cents}).encode()
        headers = {"Idempotency-Key": order.id, "Authorization": f"Bearer {self._key}"}
        answer = await self._payments.call("POST", "/charges", body, headers)
        if answer.status in REFUSED:
            if answer.status != CARD_REFUSED:
                self._report(order, answer)
            return False
        if answer.status not in CHARGED:
            raise Broken("payments", f"status {answer.status}")
        self._check(answer, order)
        return True

    def _check(self, answer: Answer, order: Order) -> None:
        # A success status alone doesn't prove a charge: the body must name this order and amount.
        charge = self._payments.read(answer)
        charged = (charge.get("order_id"), charge.get("amount_cents")) if isinstance(charge, dict) else None
        if charged != (order.id, order.total_cents):
            raise Broken("payments", "its answer is no charge of this order")

    def _report(self, order: Order, answer: Answer) -> None:
        text = answer.body[:200].decode("utf-8", "replace")
        print(f"payments refuses order {order.id} with status {answer.status}: {text}", file=sys.stderr)  # noqa: T201

    async def settle(self, order: Order, *, charged: bool) -> Order:
        """Mark the order as paid, or as failed with its stock given back; return it as it then stands.

        Raise Problem if the order is gone, or failed before it was charged.
        """
        status = "paid" if charged else "failed"
        async with self._database.transaction() as connection:
            if await placing.settle(connection, order, status):
                return replace(order, status=status)
            standing = await placing.find(connection, order.id)
            await self._database.durability.confirm(connection)
        if standing is None:
            raise Problem(503, "the order is gone: the same key places it again")
        if charged and standing.status != "paid":
            raise Problem(500, f"the order is {standing.status} though it was charged")
        return standing


class Queue:
    """Orders that are charged later."""

    def __init__(self, settings: Settings, opened: Database, charging: Charging) -> None:
        self._degraded = "degraded" in settings.guardrails
        self._flags = settings.flags
        self._database = opened
        self._charging = charging
        self._waiting: dict[str, Order] = {}
        self._started: datetime | None = None
        self._reconciled = False
        self._queues = False

    @property
    def forced(self) -> bool:
        """True if operators want all orders queued."""
        return self._flags["queue-checkout"]

    @property
    def allowed(self) -> bool:
        """True if an order that payments didn't charge may be queued."""
        return self._degraded or self.forced

    def add(self, order: Order) -> Order:
        """Charge the order later."""
        self._waiting[order.id] = order
        return order

    async def run(self) -> None:
        """Charge queued orders until cancelled; if payments fails, the rest waits for the next round."""
        round_ = 0
        while True:
            with suppress(Problem):
                if round_ % LOOK_EVERY == 0:
                    await self._look()
                if not self.forced:
                    await self._charge_all()
            round_ += 1
            await asyncio.sleep(EVERY_S)

    async def _look(self) -> None:
        """Queue orders that were left pending: those from before this start, and all of them if orders may be queued.

        An instance that queues by the flag may end; every other one that has seen the flag charges its orders then.
        """
        self._queues = self._queues or self.allowed
        if self._reconciled and not self._queues:
            return
        async with self._database.connection() as connection:
            if self._started is None:
                self._started = await placing.now(connection)
            before = None if self._queues else self._started
            now, orders = await placing.left_behind(connection, LEFT_BEHIND_S, before, AT_ONCE)
            await self._database.durability.confirm(connection)
        for order in orders:
            self._waiting.setdefault(order.id, order)
        # By then each order from before the start is old enough to be found.
        self._reconciled = not orders and (now - self._started).total_seconds() > LEFT_BEHIND_S

    async def _charge_all(self) -> None:
        """Charge each waiting order. One that fails goes to the end of the queue; the others don't wait for it.

        Raise UpstreamProblem if payments can't be reached, or fails one order after the other.
        """
        failures = 0
        for order in list(self._waiting.values()):
            self._waiting[order.id] = self._waiting.pop(order.id)
            try:
                await self._charge(order)
            except Broken:
                failures += 1
                if failures >= FAILURES_IN_A_ROW:
                    raise
            except UpstreamProblem:
                raise
            except Exception:
                metrics.LOOP_FAILURES.labels("charging").inc()
                print(f"order {order.id} could not be charged:", file=sys.stderr)  # noqa: T201
                traceback.print_exc(file=sys.stderr)
            else:
                failures = 0
                del self._waiting[order.id]

    async def _charge(self, order: Order) -> None:
        """Charge an order that still is pending; set it aside if it was lost with a database, or is refused."""
        async with self._database.connection() as connection:
            standing = await placing.find(connection, order.id)
            await self._database.durability.confirm(connection)
        if standing is None:
            self._set_aside(order, "lost")
        elif standing.status == "pending":
            settled = await self._charging.settle(standing, charged=await self._charging.ask(standing))
            if settled.status == "failed":
                self._set_aside(order, "refused")

    def _set_aside(self, order: Order, why: str) -> None:
        metrics.ORDERS_SET_ASIDE.labels(why).inc()
        print(f"queued order {order.id} is set aside: {why}", file=sys.stderr)  # noqa: T201
