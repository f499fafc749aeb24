"""Order records for the audit: orders, stock and charges, written to disk before the system is torn down.

Postgres has the orders and the stock, the ledger of payments has the charges. If a part can't be read, its file isn't
written, so that the audit reports *unaudited* and not *none lost*. `gameday.analysis.audit.order_audit` compares them
with what clients were answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gameday.host.http_client import DirectConnection
from gameday.recording import atomic_file
from gameday.recording.journal_events import OrdersCollected

ORDERS, LEDGER, STOCK = "audit.jsonl", "ledger.jsonl", "stock.jsonl"
PRELOADED = 1_000_000
"""Units of each product in the template of every database; a test compares it with the storefront's own figure."""
CONNECT_S, QUERY_S, ALL_S = 5.0, 20.0, 30.0

PLACED = """
    SELECT id, status, total_cents, user_id, items FROM orders WHERE starts_with(id, $1) ORDER BY id
"""
# All orders but the preloaded ones have taken stock, those of earlier trials on this database too.
SOLD = """
    SELECT product, quantity + withheld AS quantity, coalesce(units, 0) AS units FROM stock LEFT JOIN (
        SELECT (item->>'product')::integer AS product, sum((item->>'quantity')::integer) AS units
        FROM orders, json_array_elements(items) AS item
        WHERE status IN ('paid', 'pending') AND NOT starts_with(id, 'past-')
        GROUP BY 1
    ) AS sold USING (product) ORDER BY product
"""

Row = Mapping[str, Any]


def collect_orders(
    database_url: str | None, payments: tuple[str, int] | None, run: str, folder: Path, *, key: str = ""
) -> OrdersCollected:
    """Write audit.jsonl, stock.jsonl and ledger.jsonl into `folder`; return the journal's event.

    `database_url` is the postgresql:// address of the primary, `payments` host and port of the third party; None if
    it doesn't run; `key` is the merchant's at the third party. Takes at most ALL_S + QUERY_S. Raise OSError if a file
    can't be written.
    """
    collected = OrdersCollected(file=None, orders=None, ledger=None, charges=None, stock=None, why="")
    missing: list[str] = []
    try:
        orders, stock = _of_database(database_url, run)
    except Exception as error:
        missing.append(f"database: {type(error).__name__}: {error}")
    else:
        collected = replace(collected, file=ORDERS, orders=_write(folder / ORDERS, orders), stock=STOCK)
        _write(folder / STOCK, stock)
    try:
        charges = _of_payments(payments, run, key)
    except Exception as error:
        missing.append(f"payments: {type(error).__name__}: {error}")
    else:
        collected = replace(collected, ledger=LEDGER, charges=_write(folder / LEDGER, charges))
    return replace(collected, why="; ".join(missing))


def _write(path: Path, rows: Iterable[Row]) -> int:
    lines = [json.dumps(row) + "\n" for row in rows]
    atomic_file.write(path, "".join(lines))
    return len(lines)


def _of_database(url: str | None, run: str) -> tuple[list[Row], list[Row]]:
    """Return (orders of this run, stock of all products)."""
    if url is None:
        raise ConnectionError("no instance is running")
    placed, stock = asyncio.run(asyncio.wait_for(_query(url, run), ALL_S))
    return [_order(row) for row in placed], [_product(row) for row in stock]


def _order(row: Any) -> Row:
    """Return an order with one item per product, in order of product, so that equal baskets are equal."""
    basket: dict[int, int] = {}
    for item in json.loads(row["items"]):
        basket[int(item["product"])] = basket.get(int(item["product"]), 0) + int(item["quantity"])
    return {
        "id": row["id"],
        "status": row["status"],
        "total_cents": int(row["total_cents"]),
        "user": int(row["user_id"]),
        "items": [{"product": product, "quantity": basket[product]} for product in sorted(basket)],
    }


def _product(row: Any) -> Row:
    now = {"product": int(row["product"]), "quantity": int(row["quantity"])}
    return {**now, "preloaded": PRELOADED, "sold": int(row["units"])}


async def _query(url: str, run: str) -> tuple[list[Any], list[Any]]:
    """Return both results of one snapshot: an order placed in between would seem to have taken no stock."""
    import asyncpg

    connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=QUERY_S)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await connection.fetch(PLACED, f"{run}-"), await connection.fetch(SOLD)
    finally:
        connection.terminate()  # closing in order may fail, and would lose the results


def _of_payments(address: tuple[str, int] | None, run: str, key: str) -> list[Row]:
    """Return the ledger's lines of this run. A line that isn't a charge is an error: it may hide one."""
    if address is None:
        raise ConnectionError("no instance is running")
    connection = DirectConnection(*address, timeout=QUERY_S)
    try:
        connection.request("GET", "/ledger", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        content = answer.read().decode("utf-8")
        if answer.status != 200:
            raise ConnectionError(f"the ledger answered with status {answer.status}")
    finally:
        connection.close()
    charges = [json.loads(line) for line in content.splitlines()]
    return [charge for charge in charges if charge["order_id"].startswith(f"{run}-")]
