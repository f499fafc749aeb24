"""What the system of record said of a run's orders, as columns: a long run has millions of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 20_000  # rows parsed at a time
STATUS, CENTS = '", "status": "', '", "total_cents": '

Row = tuple[int, bool, int]


@dataclass(frozen=True)
class Orders:
    """`number`: n of the order ids "<run id>-<n>", rising; whether each is `paid`; its `cents`."""

    number: npt.NDArray[np.int64]
    paid: npt.NDArray[np.bool_]
    cents: npt.NDArray[np.int64]

    def places(self, wanted: npt.NDArray[np.integer[Any]]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """(where each of these numbers stands, whether it is there at all)."""
        if not len(self.number):
            return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
        places = np.minimum(np.searchsorted(self.number, wanted), len(self.number) - 1)
        return places, self.number[places] == wanted


def read_orders(path: Path, run: str) -> Orders | None:
    """The orders of `run`; None where the file isn't there. ValueError where a row isn't one, with its line."""
    if not path.is_file():
        return None
    blocks = [np.empty((0, 3), np.int64)]
    with path.open(encoding="utf-8") as lines:
        begin = 1
        while block := list(islice(lines, BLOCK)):
            blocks.append(_rows(block, path, begin, f"{run}-"))
            begin += len(block)
    rows = np.concatenate(blocks)[::-1]
    number, at = np.unique(rows[:, 0], return_index=True)  # of two rows of an order the later one holds
    return Orders(number, rows[at, 1] != 0, rows[at, 2])


def _rows(block: list[str], path: Path, begin: int, prefix: str) -> npt.NDArray[np.int64]:
    """The rows of `prefix` as (n, paid, cents), all at one go where each is as it is written, else one by one."""
    plain = "".join(block).replace(f'{{"id": "{prefix}', "").replace("}\n", " ")
    while (place := plain.find(STATUS)) >= 0:
        middle = plain[place : plain.find(CENTS, place)] + CENTS
        plain = plain.replace(middle, " 1 " if middle == STATUS + "paid" + CENTS else " 0 ")
    if plain.replace(" ", "").isdecimal() and plain.count(" ") == 3 * len(block):
        return np.fromstring(plain, np.int64, sep=" ").reshape(-1, 3)
    rows: list[Row] = []
    for number, line in enumerate(block, begin):
        try:
            rows += _chosen([json.loads(line)], prefix)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: not a row of the audit: {error}") from error
    return np.array(rows, np.int64).reshape(-1, 3)


def _chosen(rows: Iterable[dict[str, Any]], prefix: str) -> Iterator[Row]:
    """(n, paid, cents) of the rows whose id begins with `prefix` and a number; no client was told of another."""
    skip = len(prefix)
    for row in rows:
        order, paid, cents = row["id"], row["status"] == "paid", int(row["total_cents"])
        if order.startswith(prefix) and order[skip:].isdecimal():
            yield int(order[skip:]), paid, cents
