"""What the system of record said of a run's orders, as columns: a long run has millions of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 20  # characters parsed at a time, and on to the end of the line
STATUS = re.compile(r'", "status": "(\w+)", "total_cents": ')

Row = tuple[int, bool, int]
Rows = npt.NDArray[np.int64]


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
    with path.open(encoding="utf-8") as file:
        begin = 1
        while text := file.read(BLOCK) + file.readline():
            count = text.count("\n") + (not text.endswith("\n"))
            found = _plain(text, count, f"{run}-")
            blocks.append(_odd(text.rstrip("\n").split("\n"), path, begin, f"{run}-") if found is None else found)
            begin += count
    rows = np.concatenate(blocks)[::-1]
    number, at = np.unique(rows[:, 0], return_index=True)  # of two rows of an order the later one holds
    return Orders(number, rows[at, 1] != 0, rows[at, 2])


def _plain(text: str, count: int, prefix: str) -> Rows | None:
    """`count` rows as (n, paid, cents), all at one go; None where one of them isn't as the runner writes it."""
    head, text = f'{{"id": "{prefix}', text.rstrip("\n")
    if not text.endswith("}"):
        return None
    numbers = text.removeprefix(head).removesuffix("}").replace("}\n" + head, " ")
    while middle := STATUS.search(numbers):
        numbers = numbers.replace(middle[0], " 1 " if middle[1] == "paid" else " 0 ")
    if numbers.count(" ") != 3 * count - 1 or not numbers.replace(" ", "").isdecimal():
        return None
    return np.fromstring(numbers, np.int64, sep=" ").reshape(-1, 3)


def _odd(lines: Sequence[str], path: Path, begin: int, prefix: str) -> Rows:
    """The same one by one, whatever the style."""
    rows: list[Row] = []
    for number, line in enumerate(lines, begin):
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
