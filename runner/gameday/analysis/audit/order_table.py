"""What the system of record said of a run's orders, as columns: a long run has millions of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 20  # characters parsed at a time, and on to the end of the line
STATUS = re.compile(r'", "status": "(\w+)", "total_cents": ')
PURCHASE = re.compile(r', ("user": \d+, "items": \[[^\]\n]*\])\}$', re.MULTILINE)
PENDING, PAID = 1, 2
STATES = {"paid": PAID, "pending": PENDING}
"""Of an order that stands; any other is 0."""

Numbers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Orders:
    """`number`: n of the order ids "<run id>-<n>", rising; below 0 those of the run's ids that have no such n.

    Of each: `state` (as in STATES), `cents`, and `purchase`, which is equal where user and basket are, 0 where they
    aren't told. `repeated` counts rows beyond the first of an id. `source`: the file, and the run's id in it.
    """

    number: Numbers
    state: Numbers
    cents: Numbers
    purchase: Numbers
    repeated: int = 0
    source: tuple[Path, str] = field(default=(Path(), ""))

    @property
    def paid(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.state == PAID
        return found

    def places(
        self, wanted: npt.NDArray[np.integer[Any]]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """(where each of these numbers stands, whether it is there at all)."""
        return places(self.number, wanted)

    def units(self, wanted: Numbers) -> Counter[int]:
        """Units of each product in the orders of these numbers, and in rows beyond the first of any id."""
        path, run = self.source
        named, chosen, seen = _Named(f"{run}-"), set(wanted.tolist()), set[int]()
        units: Counter[int] = Counter()
        for begin, text in blocks(path):
            for row in _parsed(text.rstrip("\n").split("\n"), path, begin):
                number = named.number(row["id"])
                if number is not None and (number in chosen or number in seen) and row["status"] in STATES:
                    units.update(
                        {int(each["product"]): int(each["quantity"]) for each in row.get("items", ())}
                    )
                if number is not None:
                    seen.add(number)
        return units


def places(
    known: Numbers, wanted: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """(where each of `wanted` stands among `known`, which rise, whether it is there at all)."""
    if not len(known):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
    found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return found, known[found] == wanted


def read_orders(path: Path, run: str) -> Orders | None:
    """The orders of `run`; None where the file isn't there. ValueError where a row isn't one, with its line."""
    if not path.is_file():
        return None
    named, found = _Named(f"{run}-"), [np.empty((0, 4), np.int64)]
    for begin, text in blocks(path):
        plain = _plain(text, f"{run}-")
        found.append(_odd(text.rstrip("\n").split("\n"), path, begin, named) if plain is None else plain)
    rows = np.concatenate(found)[::-1]
    number, at = np.unique(rows[:, 0], return_index=True)  # of two rows of an order the later one holds
    state, cents, purchase = rows[at, 1:].T
    return Orders(number, state, cents, purchase, len(rows) - len(number), (path, run))


def blocks(path: Path) -> Iterator[tuple[int, str]]:
    """(number of its first line, from 1, some whole lines) to the end of the file."""
    with path.open(encoding="utf-8") as file:
        begin = 1
        while text := file.read(BLOCK) + file.readline():
            yield begin, text
            begin += text.count("\n")


def _plain(text: str, prefix: str) -> Rows | None:
    """Rows as (n, state, cents, purchase), all at one go; None where one of them isn't as the runner writes it."""
    head, text = f'{{"id": "{prefix}', text.rstrip("\n")
    count = text.count("\n") + 1
    purchases = PURCHASE.findall(text)
    if len(purchases) == count:
        text = PURCHASE.sub("}", text)
    elif purchases or not text.endswith("}"):
        return None
    numbers = text.removeprefix(head).removesuffix("}").replace("}\n" + head, " ")
    while middle := STATUS.search(numbers):
        numbers = numbers.replace(middle[0], f" {STATES.get(middle[1], 0)} ")
    if numbers.count(" ") != 3 * count - 1 or not numbers.replace(" ", "").isdecimal():
        return None
    found = np.fromstring(numbers, np.int64, sep=" ").reshape(-1, 3)
    told = np.array([hash(each) for each in purchases] or [0] * count, np.int64)
    return np.column_stack((found, told))


class _Named:
    """Ids of a run → their numbers: n, or for an id of the run without one a number of its own below 0."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._odd: dict[str, int] = {}

    def number(self, order: str) -> int | None:
        """None where it isn't of the run."""
        if not order.startswith(self._prefix):
            return None
        name = order[len(self._prefix) :]
        return int(name) if name.isdecimal() else self._odd.setdefault(name, -1 - len(self._odd))


def _odd(lines: Sequence[str], path: Path, begin: int, named: _Named) -> Rows:
    """The same one by one, whatever the style."""
    rows: list[tuple[int, int, int, int]] = []
    for row in _parsed(lines, path, begin):
        number = named.number(row["id"])
        if number is not None:
            rows.append((number, STATES.get(row["status"], 0), int(row["total_cents"]), _purchase(row)))
    return np.array(rows, np.int64).reshape(-1, 4)


def _parsed(lines: Sequence[str], path: Path, begin: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, begin):
        try:
            row = json.loads(line)
            row["id"].startswith, row["status"].strip, int(row["total_cents"])
            list(row.get("items", ()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: not a row of the audit: {error}") from error
        yield row


def _purchase(row: dict[str, Any]) -> int:
    """As `_plain` has it."""
    if "user" not in row or "items" not in row:
        return 0
    return hash(f'"user": {json.dumps(row["user"])}, "items": {json.dumps(row["items"])}')
