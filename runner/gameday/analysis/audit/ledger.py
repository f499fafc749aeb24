"""What the third party charged, and what is left in stock: the records beside the orders, as they were collected."""

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
    """`number`: n of each order id "<run id>-<n>" that was charged, rising; how often, and the `cents` of its first."""

    number: Numbers
    times: Numbers
    cents: Numbers


@dataclass(frozen=True)
class Product:
    """Units: `quantity` in stock now, `preloaded` when the database was new, `sold` by all orders that stand."""

    product: int
    quantity: int
    preloaded: int
    sold: int

    def beyond(self, copies: int) -> int:
        """Units sold for which no stock was taken; `copies` of them are counted as duplicates already."""
        return max(0, self.sold - copies - (self.preloaded - self.quantity))


def read_ledger(path: Path, run: str) -> Ledger | None:
    """Charges of `run`; None where the file isn't there. ValueError where a row isn't one, with its line."""
    if not path.is_file():
        return None
    row = re.compile(
        rf'^\{{"order_id": "{re.escape(run)}-(\d+)", "amount_cents": (\d+), "charged_at": [^,\n]+\}}$', re.M
    )
    found = [np.empty((0, 2), np.int64)]
    for begin, text in blocks(path):
        plain = row.findall(text)
        if len(plain) != text.count("\n") + (not text.endswith("\n")):
            plain = [
                each
                for each in _lines(path, begin, text, lambda data: _charge(data, run))
                if each is not None
            ]
        found.append(np.array(plain, np.int64).reshape(-1, 2))
    rows = np.concatenate(found)
    number, first, times = np.unique(rows[:, 0], return_index=True, return_counts=True)
    return Ledger(number, times, rows[first, 1])


def read_stock(path: Path) -> tuple[Product, ...] | None:
    """None where the file isn't there. ValueError where a row isn't one, with its line."""
    if not path.is_file():
        return None
    keys = ("product", "quantity", "preloaded", "sold")
    found: list[Product] = []
    for begin, text in blocks(path):
        found += _lines(path, begin, text, lambda data: Product(*(int(data[key]) for key in keys)))
    return tuple(found)


def _charge(data: Mapping[str, Any], run: str) -> tuple[int, int] | None:
    """(n, cents); None for a charge that is not of this run's orders."""
    order, cents = data["order_id"], int(data["amount_cents"])
    name = order.removeprefix(f"{run}-")
    return (int(name), cents) if name != order and name.isdecimal() else None


def _lines(path: Path, begin: int, text: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    found: list[T] = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), begin):
        try:
            found.append(read(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: not a row of it: {error!r}") from error
    return found
