"""What each journey asks, step by step, as generators: they yield a step and are sent its decoded answer. Pure.

Who sends a step, when and within which time-out is left to the worker. A step that got no good answer ends its
journey: who couldn't log in has no account to look at.
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

MOST_ITEMS = 3
MOST_OF_ONE = 2
OK = frozenset({200})
PLACED = frozenset({200, 201, 202})  # 202: queued by a shop that can't charge just now, and acknowledged


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a journey: what to send, the statuses of a good answer, and what such an answer has to hold."""

    name: str
    method: str
    path: str
    check: Check
    expected: frozenset[int] = OK
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    order: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One journey of one user."""

    plan: LoadPlan
    oracle: Oracle
    arrival: Arrival

    def basket(self) -> Basket:
        """One to three different products, one or two of each; the first is the one that was looked at."""
        draw = random.Random(self.arrival.choice)  # noqa: S311
        most = min(MOST_ITEMS, len(self.oracle.products))
        products = draw.sample(self.oracle.products, draw.randint(1, most))
        return [(product, draw.randint(1, MOST_OF_ONE)) for product in products]


Journey = Generator[Step, Any, None]
JSON = {"Content-Type": "application/json"}


def _look(visit: Visit) -> Step:
    wanted = visit.basket()[0][0]
    return Step("product", "GET", f"/products/{wanted}", oracle.product(visit.oracle, wanted))


def browse(visit: Visit) -> Journey:
    yield _look(visit)


def buy(visit: Visit) -> Journey:
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
    )


def login(visit: Visit) -> Journey:
    user = visit.arrival.user
    body = json.dumps({"user": user, "password": f"pw-{user}"}).encode()
    answer = yield Step("login", "POST", "/login", oracle.session(user), headers=JSON, body=body)
    token = answer.get("token") if isinstance(answer, dict) else None
    yield Step(
        "account", "GET", "/account", oracle.account(user), headers={"Authorization": f"Bearer {token}"}
    )


def history(visit: Visit) -> Journey:
    user = visit.arrival.user
    yield Step("orders", "GET", f"/orders?user={user}", oracle.history(user))


def costs(visit: Visit) -> Journey:
    """Somebody of the house looks at what the region cost."""
    yield Step("costs", "GET", "/costs", oracle.costs(visit.plan.home(visit.arrival.user)))


JOURNEYS: Mapping[str, Callable[[Visit], Journey]] = {
    "browse": browse,
    "buy": buy,
    "login": login,
    "history": history,
    "costs": costs,
}
