"""Oracle of right answers: prices from the catalogue's own file, totals, and the shape of every answer. Pure.

It shares no code with the system under test, so that the same error can't be in both. An answer of any shape can be
judged: an unreadable one is wrong.
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
    """Whether the content is right; `total` is the acknowledged total in cents, -1 if there is none."""

    right: bool
    total: int = -1


def right_price(list_cents: int, discount_bp: int) -> int:
    """Return the price in cents after a discount in basis points, the discount rounded half up to a cent."""
    return list_cents - (list_cents * discount_bp + BASIS_POINTS // 2) // BASIS_POINTS


class Oracle:
    """Right prices in cents by product id."""

    def __init__(self, prices: Mapping[int, int]) -> None:
        self.prices = prices
        self.products = sorted(prices)

    @classmethod
    def read(cls, path: Path) -> Oracle:
        """Return the oracle of a `products.json`. Raise OSError, or ValueError if the file has no products."""
        products = json.loads(path.read_bytes())
        prices = {item["id"]: right_price(item["list_cents"], item["discount_bp"]) for item in products}
        if not prices:
            raise ValueError(f"{path}: no products")
        return cls(prices)

    def total(self, basket: Basket) -> int:
        """Return the basket's right total in cents."""
        return sum(self.prices[product] * quantity for product, quantity in basket)


def product(oracle: Oracle, wanted: int) -> Check:
    """Check for the requested product at its right price."""
    price = oracle.prices[wanted]
    return lambda answer: Finding(
        bool(answer["id"] == wanted and answer["price_cents"] == price and answer["currency"] == "USD")
    )


def receipt(oracle: Oracle, order: str, basket: Basket) -> Check:
    """Check that the order is placed, paid or queued, under the given id and for the right total."""
    total = oracle.total(basket)

    def check(answer: Any) -> Finding:
        total_cents = answer["total_cents"]
        acknowledged = total_cents if isinstance(total_cents, int) else -1
        return Finding(
            bool(answer["order_id"] == order and answer["status"] in PLACED and total_cents == total),
            acknowledged,
        )

    return check


def receipt_or_sold_out(oracle: Oracle, order: str, basket: Basket) -> Check:
    """Check as `receipt`, or that the answer names the product that is out of stock."""
    placed = receipt(oracle, order, basket)
    sold_out = [f"product {product} is out of stock" for product, _ in basket]
    return lambda answer: Finding(answer["error"] in sold_out) if "error" in answer else placed(answer)


def session(user: int) -> Check:
    """Check that the user is logged in and has a token."""
    return lambda answer: Finding(bool(answer["user"] == user and answer["token"]))


def account(user: int) -> Check:
    """Check for the user's own account."""
    return lambda answer: Finding(bool(answer["user"] == user))


def history(user: int) -> Check:
    """Check for the user's ten latest orders, newest first, each over 0."""

    def check(answer: Any) -> Finding:
        orders = answer["orders"]
        placed = [order["placed_at"] for order in orders]
        right = answer["user"] == user and len(orders) == HISTORY_LENGTH
        right = right and placed == sorted(placed, reverse=True)
        return Finding(bool(right and all(order["total_cents"] > 0 for order in orders)))

    return check


def costs(region: str) -> Check:
    """Check for the bill of `region` by day, in dollars; its amounts are unknown, but its sum must be right."""

    def check(answer: Any) -> Finding:
        cents = [day["cents"] for day in answer["days"]]
        right = answer["region"] == region and answer["currency"] == "USD"
        return Finding(bool(right and cents and answer["total_cents"] == sum(cents)))

    return check


def judge(check: Check, content: bytes) -> tuple[Finding, Any]:
    """Return (finding, decoded answer). Content that isn't the expected JSON is wrong, and decodes to {}."""
    try:
        answer = json.loads(content)
        return check(answer), answer
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return Finding(False), {}
