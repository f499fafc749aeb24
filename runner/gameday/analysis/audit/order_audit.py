"""Audit of orders: lost, charged twice, oversold, by comparing the clients', Postgres' and the ledger's records.

docs/audit.md says what each figure counts. A figure whose record is missing is None, never 0. All are None if buys were
planned and not one was acknowledged, since then nothing could have been lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gameday.analysis.audit.ledger import Ledger
from gameday.analysis.audit.order_table import PAID, PENDING, Numbers, Orders, places
from gameday.analysis.audit.primaries import leads, two_primaries
from gameday.analysis.audit.recovery_point import asynchronous_seconds, recovery_point
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.harm_models import Audit
from gameday.recording.samples import ErrorKind, among

UNTOLD = -1
QUEUED = 202
SOLD_OUT = 409
MOST_UNITS = 6
"""Units that one order has at most: the load orders up to three products, up to two of each."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClientRecord:
    """Answers that clients got. `asked`: n of every order that was sent, ascending; `acknowledged`:
    those confirmed as placed.

    For each acknowledged order: `cents`, the amount in the last answer, UNTOLD if it had none;
    `queued`, True if that answer promised a later payment; `at`, the time of the client's first
    confirmation. `sold_out`: orders whose last answer was that a product is out of stock.
    For each order that was sent: `customer`, and `basket`, the mark of its items, 0 if the shard has none.
    """

    asked: Numbers
    acknowledged: Numbers
    cents: Numbers
    queued: Mask
    at: npt.NDArray[np.float64]
    customer: Numbers
    basket: Numbers
    sold_out: int = 0

    @classmethod
    def of(cls, run: Run) -> ClientRecord:
        records = run.samples.records
        sent = np.flatnonzero(records["order"])
        number = records["order"][sent].astype(np.int64)
        good = among(records["error"][sent], (ErrorKind.NONE, ErrorKind.WRONG)) & (
            records["status"][sent] // 100 == 2
        )
        answers = np.flatnonzero(good)
        # by order, and the answers of an order from the first to the last
        answers = answers[np.argsort(number[answers], kind="stable")]
        edges = np.flatnonzero(np.diff(number[answers], prepend=0, append=0))
        first, last = answers[edges[:-1]], sent[answers[edges[1:] - 1]]
        asked, one = np.unique(
            number, return_index=True
        )  # sorts for the index: hashing takes forty times as long
        customer, basket = (records[name][sent[one]].astype(np.int64) for name in ("user", "basket"))
        cents, queued = records["total"][last].astype(np.int64), records["status"][last] == QUEUED
        latest = sent[::-1][np.unique(number[::-1], return_index=True)[1]]
        sold_out = int((records["status"][latest] == SOLD_OUT).sum())
        return cls(
            asked, number[first], cents, queued, records["end"][sent[first]], customer, basket, sold_out
        )


def audit(run: Run) -> Audit:
    """Return the outcome's `audit`; all None if nothing could be collected, or if the evidence is damaged."""
    if run.own_records is not None and not run.damage:
        return run.own_records.audit()
    if run.damage or (run.orders is None and run.ledger is None and run.stock is None):
        return Audit()
    clients = ClientRecord.of(run)
    acknowledged = len(clients.acknowledged)
    if not acknowledged and any(
        run.scenario.load.journeys.get(name, 0) > 0 for name in run.scenario.order_journeys
    ):
        return Audit(acknowledged=acknowledged)
    figures = _KeptOrders(run, clients, run.orders).figures() if run.orders is not None else Audit()
    twice = None if run.ledger is None else int((run.ledger.times > 1).sum())
    counts = {
        "acknowledged": acknowledged,
        "charged_twice": twice,
        "sold_out": clients.sold_out,
        "asynchronous_s": asynchronous_seconds(run),
    }
    return figures.model_copy(update={**counts, **_primaries(run)})


def _primaries(run: Run) -> dict[str, object]:
    """Return the part of the audit that says which databases acknowledged orders."""
    spans = leads(run.samples)
    if spans is None:
        return {}
    shared = two_primaries(spans)
    return {
        "two_primaries": len(shared),
        "primaries": tuple(lead.span() for lead in spans),
        "two_primaries_spans": shared,
    }


@dataclass(frozen=True)
class _KeptOrders:
    """Postgres' orders compared with the clients' answers and the charges."""

    run: Run
    clients: ClientRecord
    orders: Orders

    def figures(self) -> Audit:
        acknowledged = self.clients.acknowledged
        queued = self.clients.queued & self.is_held(acknowledged, PENDING)
        lost = np.flatnonzero(~self.is_held(acknowledged, PAID) & ~queued)
        paid = self.orders.number[self.orders.paid]
        unheard = places(self.clients.asked, paid)[1] & ~places(acknowledged, paid)[1]
        charged = self.charged(self.run.ledger) if self.run.ledger is not None else {}
        customers, baskets = self.changed
        return Audit(
            lost=len(lost),
            duplicated=self.orders.repeated + len(self.copies),
            oversold=self.oversold(),
            stock_without_order=self.stock_without_order(len(lost)),
            wrong_customer=len(customers),
            wrong_basket=len(baskets),
            indeterminate=int(unheard.sum()),
            rpo_s=recovery_point(self.run, self.clients.at[lost]),
        ).model_copy(update=charged)

    def is_held(self, numbers: Numbers, state: int) -> Mask:
        """Return whether Postgres holds each of these orders in that state."""
        at, held = self.orders.places(numbers)
        matches: Mask = held.copy()
        matches[held] = self.orders.state[at[held]] == state
        return matches

    @cached_property
    def copies(self) -> Numbers:
        """Return the orders that no client sent and that repeat the purchase of a sent one: same
        customer, same basket."""
        orders = self.orders
        stands = (orders.state > 0) & (orders.purchase != 0)
        wanted = places(self.clients.asked, orders.number)[1]
        again = np.isin(orders.purchase, orders.purchase[stands & wanted])
        copies: Numbers = orders.number[stands & ~wanted & again]
        return copies

    @cached_property
    def changed(self) -> tuple[Numbers, Numbers]:
        """Return the valid orders that are another customer's than the client's, and those with another basket."""
        orders, clients = self.orders, self.clients
        at, sent = places(clients.asked, orders.number)
        known = sent & (orders.state > 0) & (orders.purchase != 0)
        customer, basket = (column[at[known]] for column in (clients.customer, clients.basket))
        others = orders.customer[known] != customer
        changed = (basket != 0) & (orders.basket[known] != basket)
        return orders.number[known][others], orders.number[known][changed]

    def oversold(self) -> int | None:
        """Return the units sold without stock; those of duplicates and of changed baskets are counted as such only."""
        if self.run.stock is None:
            return None
        _, changed = self.changed
        surplus = len(self.copies) or len(changed) or self.orders.repeated
        known = self.orders.units(np.concatenate((self.copies, changed))) if surplus else {}
        return sum(product.beyond(known.get(product.product, 0)) for product in self.run.stock)

    def stock_without_order(self, lost: int) -> int | None:
        """Return the units taken from the stock for no order, beyond those of lost orders and changed baskets.

        Products are looked at one by one, so that units missing of one don't hide units too many of another.
        """
        if self.run.stock is None:
            return None
        explained = MOST_UNITS * (lost + len(self.changed[1]))
        return max(0, sum(product.idle() for product in self.run.stock) - explained)

    def charged(self, ledger: Ledger) -> dict[str, int]:
        """Compare the amounts of each paid order in the records that have it, count charges without a paid order and the reverse."""
        orders, clients = self.orders, self.clients
        number = orders.number[orders.paid]
        amounts = np.full((3, len(number)), UNTOLD, np.int64)
        amounts[0] = orders.cents[orders.paid]
        for row, (known, cents) in enumerate(
            ((clients.acknowledged, clients.cents), (ledger.number, ledger.cents)), 1
        ):
            at, there = places(known, number)
            amounts[row, there] = cents[at[there]]
        lowest = np.where(amounts == UNTOLD, amounts.max(axis=0, initial=UNTOLD), amounts).min(axis=0)
        off = amounts.max(axis=0) - lowest
        return {
            "wrong_amount": int((off > 0).sum()),
            "wrong_amount_cents": int(off.sum()),
            "charged_not_kept": int((~self.is_held(ledger.number, PAID)).sum()),
            "kept_not_charged": int(
                (~places(ledger.number, number)[1] & places(clients.asked, number)[1]).sum()
            ),
        }
