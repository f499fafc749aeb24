"""Preloaded rows of the database, the same on every machine: stock, accounts, 200,000 orders,
usage.

Pseudo-random from one fixed seed, and dated to a fixed half year, so that new orders are always the
newest.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from . import products
from .identity import password_hash
from .pricing import price_cents

SEED = 20_000
USERS = 20_000
ORDERS_EACH = 10
STOCK_EACH = 1_000_000
REGIONS = ("us-east", "eu-west", "ap-south")
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
SPAN_S = 180 * 24 * 3600
BILLED = {"gateway": 4_000, "catalog": 2_500, "pricing": 3_000, "checkout": 6_500, "postgres": 18_000}
BILLED_DAYS = 30
FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chidi",
    "Dora",
    "Emil",
    "Fatima",
    "Goran",
    "Hana",
    "Ines",
    "Jonas",
    "Kemal",
    "Lena",
)
LAST_NAMES = ("Adler", "Boone", "Castro", "Diallo", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen")

Row = tuple[object, ...]


def tables() -> dict[str, Iterator[Row]]:
    """Rows by table, in the order of its columns."""
    return {"stock": stock(), "accounts": accounts(), "orders": orders(), "usage": usage()}


def stock() -> Iterator[Row]:
    """Of every product more than a run could sell."""
    return ((product, STOCK_EACH, 0) for product in products.load())


def email(user: int) -> str:
    """The address of a user's account."""
    return f"user-{user}@example.org"


def accounts() -> Iterator[Row]:
    """Users 1 to USERS, the password of each `pw-<user>`."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    for user in range(1, USERS + 1):
        salt = chance.randbytes(16)
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        home = REGIONS[user % 2]
        yield user, name, email(user), home, salt, password_hash(f"pw-{user}", salt)


def orders() -> Iterator[Row]:
    """ORDERS_EACH paid orders of each user, in the order they were placed in."""
    chance = random.Random(SEED + 1)  # noqa: S311
    prices = {product.id: price_cents(product) for product in products.load().values()}
    known, step = list(prices), SPAN_S / (USERS * ORDERS_EACH)
    for number in range(USERS * ORDERS_EACH):
        # Every customer orders once in each round, so that a customer's orders lie far apart on the disk.
        user = number % USERS + 1
        chosen = {chance.choice(known): 1 + chance.randrange(3) for _ in range(1 + chance.randrange(2))}
        total = sum(prices[product] * quantity for product, quantity in chosen.items())
        items = json.dumps(
            [{"product": product, "quantity": quantity} for product, quantity in sorted(chosen.items())]
        )
        contact = json.dumps({"email": email(user), "channel": "web"})
        placed = BEGIN + timedelta(seconds=int(number * step))
        yield f"past-{number:06d}", user, "paid", total, placed, REGIONS[user % 2], items, contact


def usage() -> Iterator[Row]:
    """Yield the cost of each service of each region on each day."""
    chance = random.Random(SEED + 2)  # noqa: S311
    first = date(2025, 6, 1)
    for region in REGIONS:
        for day in range(BILLED_DAYS):
            for service, cents in BILLED.items():
                yield region, first + timedelta(days=day), service, cents + chance.randrange(cents // 5)
