"""Ledger and stock: what the third party charged, and what is left in stock, as collected after a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gameday.analysis.audit.order_table import Numbers, blocks

T = TypeVar("T")


@dataclass(frozen=True)
class Ledger:
    """Charges by order: `number` is n of the order id "<run id>-<n>", ascending; `cents` are those of the first charge."""

    number: Numbers
    times: Numbers
    cents: Numbers


@dataclass(frozen=True)
class Product:
    """Units: `quantity` in stock now, `preloaded` when the database was new, `sold` by all valid orders."""

    product: int
    quantity: int
    preloaded: int
    sold: int

    def beyond(self, copies: int) -> int:
        """Return the units sold for which no stock was taken; `copies` of them are already counted as duplicates."""
        return max(0, self.sold - copies - (self.preloaded - self.quantity))

    def idle(self) -> int:
        """Return the units taken from the stock for which there is no order."""
        return max(0, self.preloaded - self.quantity - self.sold)


def read_ledger(path: Path, run: str) -> Ledger | None:
    """Read the charges of `run`; None if the file is missing. Raise ValueError, with the line, if a row is invalid."""
    if not path.is_file():
        return None
    row = re.compile(
        rf'^\{{"order_id": "{re.escape(run)}-(\d+)", "amount_cents": (\d+), "charged_at": [^,\n]+\}}$', re.M
    )
    parts = [np.empty((0, 2), np.int64)]
    for begin, text in blocks(path):
        plain = row.findall(text)
        if len(plain) != text.count("\n") + (not text.endswith("\n")):
            plain = [
                line
                for line in _lines(path, begin, text, lambda data: _charge(data, run))
                if line is not None
            ]
        parts.append(np.array(plain, np.int64).reshape(-1, 2))
    rows = np.concatenate(parts)
    number, first, times = np.unique(rows[:, 0], return_index=True, return_counts=True)
    return Ledger(number, times, rows[first, 1])


def read_stock(path: Path) -> tuple[Product, ...] | None:
    """Read the stock; None if the file is missing. Raise ValueError, with the line, if a row is invalid."""
    if not path.is_file():
        return None
    keys = ("product", "quantity", "preloaded", "sold")
    products: list[Product] = []
    for begin, text in blocks(path):
        products += _lines(path, begin, text, lambda data: Product(*(int(data[key]) for key in keys)))
    return tuple(products)


def _charge(data: Mapping[str, Any], run: str) -> tuple[int, int] | None:
    """Return (n, cents); None for a charge of another run's order."""
    order, cents = data["order_id"], int(data["amount_cents"])
    name = order.removeprefix(f"{run}-")
    return (int(name), cents) if name != order and name.isdecimal() else None


def _lines(path: Path, begin: int, text: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    rows: list[T] = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), begin):
        try:
            rows.append(read(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: invalid row: {error!r}") from error
    return rows
