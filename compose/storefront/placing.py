"""The steps of an order in Postgres. `reserve` and `fail` are to be run inside a transaction of the caller's.

    (none) → pending → paid
                     → failed

Every step is a no-op where another request has taken it already, and returns the order as it then stands.
"""

from dataclasses import dataclass, replace
from typing import Any

from . import basket as baskets
from .basket import Basket
from .problems import Problem

FIND = "SELECT id, user_id, items, total_cents, status FROM orders WHERE id = $1"
LEFT_BEHIND = """
    SELECT id, user_id, items, total_cents, status FROM orders
    WHERE status = 'pending' AND placed_at < now() - make_interval(secs => $1)
    ORDER BY placed_at LIMIT $2
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


async def left_behind(connection: Any, seconds: float, at_most: int) -> list[Order]:
    """Orders that have been pending for longer than `seconds`, oldest first."""
    return [_order(row) for row in await connection.fetch(LEFT_BEHIND, seconds, at_most)]


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


async def pay(connection: Any, order: Order) -> Order:
    """Mark a charged order as paid."""
    await connection.fetchval(SETTLE, order.id, "paid")
    return replace(order, status="paid")


async def fail(connection: Any, order: Order) -> Order:
    """Mark an order whose payment was refused as failed, and give its stock back, once."""
    if await connection.fetchval(SETTLE, order.id, "failed") is not None:
        await connection.executemany(GIVE_BACK, order.basket)
    return replace(order, status="failed")
