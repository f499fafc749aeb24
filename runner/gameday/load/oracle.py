"""What a right answer holds: prices from the catalogue's own file, totals, and the shape of every answer. Pure.

It shares no code with the system under test, so that an error there can't be made twice. An answer of any shape is
fit to be judged: what can't be read is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HISTORY_LENGTH = 10  # every user has ten preloaded orders, and the answer holds at most ten
BASIS_POINTS = 10_000
PLACED = ("paid", "queued")

Basket = Sequence[tuple[int, int]]
Check = Callable[[Any], "Finding"]


@dataclass(frozen=True)
class Finding:
    """Whether the content was right; `total`: cents that were acknowledged to the client, -1 where none were."""

    right: bool
    total: int = -1


def right_price(list_cents: int, discount_bp: int) -> int:
    """The price after discount, the discount rounded half up to a cent."""
    return list_cents - (list_cents * discount_bp + BASIS_POINTS // 2) // BASIS_POINTS


class Oracle:
    """Right prices in cents by product id."""

    def __init__(self, prices: Mapping[int, int]) -> None:
        self.prices = prices
        self.products = sorted(prices)

    @classmethod
    def read(cls, path: Path) -> Oracle:
        """From products.json. ValueError where the file holds no products."""
        products = json.loads(path.read_bytes())
        prices = {one["id"]: right_price(one["list_cents"], one["discount_bp"]) for one in products}
        if not prices:
            raise ValueError(f"{path}: no products")
        return cls(prices)

    def total(self, basket: Basket) -> int:
        return sum(self.prices[product] * quantity for product, quantity in basket)


def product(oracle: Oracle, wanted: int) -> Check:
    """The product asked for, at its right price."""
    price = oracle.prices[wanted]
    return lambda answer: Finding(
        bool(answer["id"] == wanted and answer["price_cents"] == price and answer["currency"] == "USD")
    )


def receipt(oracle: Oracle, order: str, basket: Basket) -> Check:
    """The order is placed, under our id, for the right total; a shop in need may pay it later, and says so."""
    total = oracle.total(basket)

    def check(answer: Any) -> Finding:
        seen = answer["total_cents"]
        cents = seen if isinstance(seen, int) else -1
        return Finding(
            bool(answer["order_id"] == order and answer["status"] in PLACED and seen == total), cents
        )

    return check


def session(user: int) -> Check:
    """Logged in as the user, with a token."""
    return lambda answer: Finding(bool(answer["user"] == user and answer["token"]))


def account(user: int) -> Check:
    """The user's own account."""
    return lambda answer: Finding(bool(answer["user"] == user))


def history(user: int) -> Check:
    """The user's ten latest orders, newest first, each over 0."""

    def check(answer: Any) -> Finding:
        orders = answer["orders"]
        placed = [order["placed_at"] for order in orders]
        right = answer["user"] == user and len(orders) == HISTORY_LENGTH
        right = right and placed == sorted(placed, reverse=True)
        return Finding(bool(right and all(order["total_cents"] > 0 for order in orders)))

    return check


def costs(region: str) -> Check:
    """The bill of `region` by day, in dollars. Nobody outside knows what it truly is, but its sum has to be right."""

    def check(answer: Any) -> Finding:
        cents = [day["cents"] for day in answer["days"]]
        right = answer["region"] == region and answer["currency"] == "USD"
        return Finding(bool(right and cents and answer["total_cents"] == sum(cents)))

    return check


def judge(check: Check, content: bytes) -> tuple[Finding, Any]:
    """(finding, decoded answer). Content that isn't the expected JSON is wrong, and decodes to {}."""
    try:
        answer = json.loads(content)
        return check(answer), answer
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Finding(False), {}
