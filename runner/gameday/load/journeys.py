"""Journeys of users as generators: each yields a step and is sent its decoded answer. Pure.

Sending a step in its time is left to the worker. A step without a good answer ends its journey: a user who can't log in
has no account to look at.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gameday.load import oracle
from gameday.load.load_plan import Arrival, LoadPlan
from gameday.load.oracle import Basket, Check, Oracle
from gameday.recording.samples import basket_mark

MOST_ITEMS = 3
MOST_OF_ONE = 2
OK = frozenset({200})
PLACED = frozenset({200, 201, 202})  # 202: queued by a shop that can't charge just now, and acknowledged

SOLD_OUT = 409


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a journey: what to send, the statuses of a good answer, and the check of its content.

    `order` and `basket`: the number in the order's id and the mark of its items, 0 if the request places none.
    """

    name: str
    method: str
    path: str
    check: Check
    expected: frozenset[int] = OK
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    order: int = 0
    basket: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One journey of one user."""

    plan: LoadPlan
    oracle: Oracle
    arrival: Arrival

    def basket(self) -> Basket:
        """Return one to three products with quantities of one or two; the first product is the one looked at."""
        draw = random.Random(self.arrival.choice)  # noqa: S311
        most = min(MOST_ITEMS, len(self.oracle.products))
        products = draw.sample(self.oracle.products, draw.randint(1, most))
        return [(product, draw.randint(1, MOST_OF_ONE)) for product in products]


Journey = Generator[Step, Any, None]
JSON = {"Content-Type": "application/json"}


def _look(visit: Visit) -> Step:
    product = visit.basket()[0][0]
    return Step("product", "GET", f"/products/{product}", oracle.product(visit.oracle, product))


def browse(visit: Visit) -> Journey:
    """Look at a product."""
    yield _look(visit)


def buy(visit: Visit) -> Journey:
    """Look at a product, then order a basket with it."""
    yield _look(visit)
    basket, user, n = visit.basket(), visit.arrival.user, visit.arrival.order
    key = f"{visit.plan.run}-{n}"
    items = [{"product": product, "quantity": quantity} for product, quantity in basket]
    yield Step(
        "checkout",
        "POST",
        "/checkout",
        oracle.receipt(visit.oracle, key, basket),
        expected=PLACED,
        headers={**JSON, "Idempotency-Key": key},
        body=json.dumps({"user": user, "items": items}).encode(),
        order=n,
        basket=basket_mark(json.dumps(sorted(items, key=lambda item: item["product"]))),
    )


def login(visit: Visit) -> Journey:
    """Log in, then look at the account."""
    user = visit.arrival.user
    body = json.dumps({"user": user, "password": f"pw-{user}"}).encode()
    answer = yield Step("login", "POST", "/login", oracle.session(user), headers=JSON, body=body)
    token = answer.get("token") if isinstance(answer, dict) else None
    yield Step(
        "account", "GET", "/account", oracle.account(user), headers={"Authorization": f"Bearer {token}"}
    )


def history(visit: Visit) -> Journey:
    """Look at past orders."""
    user = visit.arrival.user
    yield Step("orders", "GET", f"/orders?user={user}", oracle.history(user))


def costs(visit: Visit) -> Journey:
    """Look at the region's costs, as an employee does."""
    yield Step("costs", "GET", "/costs", oracle.costs(visit.plan.home(visit.arrival.user)))


def rush(visit: Visit) -> Journey:
    """Order one unit of the first product; that it is sold out is a right answer too."""
    user, n, product = visit.arrival.user, visit.arrival.order, visit.oracle.products[0]
    key = f"{visit.plan.run}-{n}"
    yield Step(
        "checkout",
        "POST",
        "/checkout",
        oracle.receipt_or_sold_out(visit.oracle, key, [(product, 1)]),
        expected=PLACED | {SOLD_OUT},
        headers={**JSON, "Idempotency-Key": key},
        body=json.dumps({"user": user, "items": [{"product": product, "quantity": 1}]}).encode(),
        order=n,
    )


JOURNEYS: Mapping[str, Callable[[Visit], Journey]] = {
    "browse": browse,
    "buy": buy,
    "login": login,
    "history": history,
    "costs": costs,
    "rush": rush,
}
