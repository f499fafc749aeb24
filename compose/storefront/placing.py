"""The steps of an order in Postgres. `reserve` and `settle` are to be run inside a transaction of the caller's.

    (none) → pending → paid
                     → failed

Every step is a no-op if another request has taken it already.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import basket as baskets
from .basket import Basket
from .problems import Problem

FIND = "SELECT id, user_id, items, total_cents, status FROM orders WHERE id = $1"
LEFT_BEHIND = """
    SELECT id, user_id, items, total_cents, status FROM orders
    WHERE status = 'pending' AND placed_at < least(now() - make_interval(secs => $1), $2)
    ORDER BY placed_at LIMIT $3
"""
INSERT = """
    INSERT INTO orders (id, user_id, status, total_cents, placed_at, region, items, contact)
    SELECT $1, $2, 'pending', $3, now(), $4, $5, json_build_object('email', a.email, 'channel', 'web')
    FROM accounts a WHERE a.id = $2
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
TAKE = "UPDATE stock SET quantity = quantity - $2 WHERE product = $1 AND quantity >= $2 RETURNING product"
GIVE_BACK = "UPDATE stock SET quantity = quantity + $2 WHERE product = $1"
SETTLE = "UPDATE orders SET status = $2 WHERE id = $1 AND status = 'pending' RETURNING id"


@dataclass(frozen=True)
class Order:
    """An order; `status` is pending, paid or failed, `total_cents` is the charged amount or the one
    to charge."""

    id: str
    user: int
    basket: Basket
    total_cents: int
    status: str


async def find(connection: Any, key: str) -> Order | None:
    """Return the order of that id."""
    row = await connection.fetchrow(FIND, key)
    return None if row is None else _order(row)


async def now(connection: Any) -> datetime:
    """Return the time of the database."""
    time: datetime = await connection.fetchval("SELECT now()")
    return time


async def left_behind(
    connection: Any, seconds: float, before: datetime | None, at_most: int
) -> tuple[datetime, list[Order]]:
    """Return the time of the database, and orders that have been pending for longer than `seconds`, oldest first.

    With `before`, only orders that were placed before that time.
    """
    time = await now(connection)
    return time, [_order(row) for row in await connection.fetch(LEFT_BEHIND, seconds, before, at_most)]


def _order(row: Any) -> Order:
    return Order(row["id"], row["user_id"], baskets.read(row["items"]), row["total_cents"], row["status"])


async def reserve(connection: Any, order: Order, region: str) -> Order:
    """Insert the order as pending and take its stock. Raise Problem 409 if stock is short, 400 for
    an unknown user."""
    new = await connection.fetchval(
        INSERT, order.id, order.user, order.total_cents, region, baskets.written(order.basket)
    )
    if new is None:
        # A request with the same key was faster; it has committed, for the insert waited for it.
        existing = await find(connection, order.id)
        if existing is None:
            raise Problem(400, "no such user")
        return existing
    for product, quantity in order.basket:
        if await connection.fetchval(TAKE, product, quantity) is None:
            raise Problem(409, f"product {product} is out of stock")
    return order


async def settle(connection: Any, order: Order, status: str) -> bool:
    """Take the order from pending to `status`, paid or failed; a failed one gives its stock back.

    Return False if there is no such order, or it isn't pending any more.
    """
    if await connection.fetchval(SETTLE, order.id, status) is None:
        return False
    if status == "failed":
        await connection.executemany(GIVE_BACK, order.basket)
    return True
