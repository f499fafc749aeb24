"""Was an order lost, or charged twice? Three records against each other: clients', Postgres', and the ledger's.

What each figure counts is in docs/audit.md. A figure whose record couldn't be had is null, never 0; so are all of them
where buys were planned and not one was acknowledged, for then there was nothing that could have been lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gameday.analysis.audit.ledger import Ledger
from gameday.analysis.audit.order_table import PAID, PENDING, Numbers, Orders, places
from gameday.analysis.audit.recovery_point import recovery_point
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.harm_models import Audit
from gameday.recording.samples import ErrorKind, among

UNTOLD = -1
QUEUED = 202
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ClientRecord:
    """What clients know. `asked`: n of every order that was sent for, rising; `acknowledged`: those told as placed.

    Of the latter: the `cents` last named to the client, UNTOLD where none were; whether that answer was that it is
    `queued`, to be paid later; and when the client first heard (`at`).
    """

    asked: Numbers
    acknowledged: Numbers
    cents: Numbers
    queued: Mask
    at: npt.NDArray[np.float64]

    @classmethod
    def of(cls, run: Run) -> ClientRecord:
        records = run.samples.records
        sent = np.flatnonzero(records["order"])
        number = records["order"][sent].astype(np.int64)
        good = among(records["error"][sent], (ErrorKind.NONE, ErrorKind.WRONG)) & (
            records["status"][sent] // 100 == 2
        )
        told = np.flatnonzero(good)
        told = told[
            np.argsort(number[told], kind="stable")
        ]  # by order, and of each from the first to the last
        edges = np.flatnonzero(np.diff(number[told], prepend=0, append=0))
        first, last = told[edges[:-1]], sent[told[edges[1:] - 1]]
        asked = np.unique(number, return_index=True)[
            0
        ]  # sorts for the index: hashing takes forty times as long
        cents, queued = records["total"][last].astype(np.int64), records["status"][last] == QUEUED
        return cls(asked, number[first], cents, queued, records["end"][sent[first]])


def audit(run: Run) -> Audit:
    """Return the outcome's `audit`; all None if nothing could be collected."""
    if run.orders is None and run.ledger is None and run.stock is None:
        return Audit()
    clients = ClientRecord.of(run)
    acknowledged = len(clients.acknowledged)
    if not acknowledged and run.scenario.load.journeys.get("buy", 0) > 0:
        return Audit(acknowledged=acknowledged)
    figures = _KeptOrders(run, clients, run.orders).figures() if run.orders is not None else Audit()
    twice = None if run.ledger is None else int((run.ledger.times > 1).sum())
    return figures.model_copy(update={"acknowledged": acknowledged, "charged_twice": twice})


@dataclass(frozen=True)
class _KeptOrders:
    """Postgres' orders held against what was told and what was charged."""

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
        return Audit(
            lost=len(lost),
            duplicated=self.orders.repeated + len(self.copies),
            oversold=self.oversold(),
            indeterminate=int(unheard.sum()),
            rpo_s=recovery_point(self.run, self.clients.at[lost]),
            **charged,
        )

    def is_held(self, numbers: Numbers, state: int) -> Mask:
        """Whether Postgres holds each of these orders, and in that state."""
        at, there = self.orders.places(numbers)
        found: Mask = there.copy()
        found[there] = self.orders.state[at[there]] == state
        return found

    @cached_property
    def copies(self) -> Numbers:
        """Orders that nobody asked for and that repeat the purchase of one that was: same customer, same basket."""
        orders = self.orders
        stands = (orders.state > 0) & (orders.purchase != 0)
        wanted = places(self.clients.asked, orders.number)[1]
        again = np.isin(orders.purchase, orders.purchase[stands & wanted])
        found: Numbers = orders.number[stands & ~wanted & again]
        return found

    def oversold(self) -> int | None:
        """Units; those of duplicates are counted as duplicates alone."""
        if self.run.stock is None:
            return None
        surplus = len(self.copies) or self.orders.repeated
        copies = self.orders.units(self.copies) if surplus else {}
        return sum(product.beyond(copies.get(product.product, 0)) for product in self.run.stock)

    def charged(self, ledger: Ledger) -> dict[str, int]:
        """Amounts of each paid order, as far as the three records have it; and money taken for no paid order."""
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
        }
