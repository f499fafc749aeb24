"""Orders of a run in the system of record, as columns: a long run has millions of them."""

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

from gameday.recording.samples import basket_mark

BLOCK = 1 << 20  # characters parsed at a time, up to the next line end
STATUS = re.compile(r'", "status": "(\w+)", "total_cents": ')
PURCHASE = re.compile(r', ("user": (\d+), "items": (\[[^\]\n]*\]))\}$', re.MULTILINE)
PENDING, PAID = 1, 2
STATES = {"paid": PAID, "pending": PENDING}
"""States of valid orders; any other state is 0."""
UNRECORDED = 0, -1, 0
"""Purchase, customer and basket of an order whose record doesn't have them."""

Numbers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Orders:
    """Orders by `number`: n of the order id "<run id>-<n>", ascending; below 0 for an id of the run without such an n.

    Each has a `state` (as in STATES), `cents`, and `purchase`, which is equal for the same user and basket and 0 if
    they aren't recorded, as are `customer` (-1 then) and `basket`, the mark of its items. `repeated` counts rows beyond the first of an id. `source`: the file, and the run's id in it.
    """

    number: Numbers
    state: Numbers
    cents: Numbers
    purchase: Numbers
    customer: Numbers
    basket: Numbers
    repeated: int = 0
    source: tuple[Path, str] = field(default=(Path(), ""))

    @property
    def paid(self) -> npt.NDArray[np.bool_]:
        paid: npt.NDArray[np.bool_] = self.state == PAID
        return paid

    def places(
        self, wanted: npt.NDArray[np.integer[Any]]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return the index of each of these numbers, and whether it exists."""
        return places(self.number, wanted)

    def units(self, wanted: Numbers) -> Counter[int]:
        """Count the units of each product in these orders, and in rows beyond the first of any id."""
        path, run = self.source
        named, chosen, seen = _Named(f"{run}-"), set(wanted.tolist()), set[int]()
        units: Counter[int] = Counter()
        for begin, text in blocks(path):
            for row in _parsed(text.rstrip("\n").split("\n"), path, begin):
                number = named.number(row["id"])
                if number is not None and (number in chosen or number in seen) and row["status"] in STATES:
                    units.update(
                        {int(item["product"]): int(item["quantity"]) for item in row.get("items", ())}
                    )
                if number is not None:
                    seen.add(number)
        return units


def places(
    known: Numbers, wanted: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the index of each of `wanted` in `known`, which ascends, and whether it is there."""
    if not len(known):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def read_orders(path: Path, run: str) -> Orders | None:
    """Read the orders of `run`; None if the file is missing. Raise ValueError, with the line, if a row is invalid."""
    if not path.is_file():
        return None
    named, parts = _Named(f"{run}-"), [np.empty((0, 6), np.int64)]
    for begin, text in blocks(path):
        plain = _plain(text, f"{run}-")
        parts.append(_odd(text.rstrip("\n").split("\n"), path, begin, named) if plain is None else plain)
    rows = np.concatenate(parts)[::-1]
    number, at = np.unique(rows[:, 0], return_index=True)  # the last row of an order wins
    state, cents, purchase, customer, basket = rows[at, 1:].T
    return Orders(number, state, cents, purchase, customer, basket, len(rows) - len(number), (path, run))


def blocks(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, from 1; some whole lines) to the end of the file."""
    with path.open(encoding="utf-8") as file:
        begin = 1
        while text := file.read(BLOCK) + file.readline():
            yield begin, text
            begin += text.count("\n")


def _plain(text: str, prefix: str) -> Rows | None:
    """Parse a block at once into rows of (n, state, cents, purchase, customer, basket); None if a row isn't as the runner writes it."""
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
    columns = np.fromstring(numbers, np.int64, sep=" ").reshape(-1, 3)
    about = [(hash(text), int(user), basket_mark(items)) for text, user, items in purchases]
    return np.column_stack((columns, np.array(about or [UNRECORDED] * count, np.int64)))


class _Named:
    """Order ids of a run → their numbers: n, or a number of its own below 0 for an id without n."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._odd: dict[str, int] = {}

    def number(self, order: str) -> int | None:
        """Return the number of an order id; None if it is another run's."""
        if not order.startswith(self._prefix):
            return None
        name = order[len(self._prefix) :]
        return int(name) if name.isdecimal() else self._odd.setdefault(name, -1 - len(self._odd))


def _odd(lines: Sequence[str], path: Path, begin: int, named: _Named) -> Rows:
    """Parse rows one by one, in any JSON style."""
    rows: list[tuple[int, ...]] = []
    for row in _parsed(lines, path, begin):
        number = named.number(row["id"])
        if number is not None:
            rows.append((number, STATES.get(row["status"], 0), int(row["total_cents"]), *_purchase(row)))
    return np.array(rows, np.int64).reshape(-1, 6)


def _parsed(lines: Sequence[str], path: Path, begin: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, begin):
        try:
            row = json.loads(line)
            row["id"].startswith, row["status"].strip, int(row["total_cents"])
            list(row.get("items", ()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: invalid row of the audit: {error}") from error
        yield row


def _purchase(row: dict[str, Any]) -> tuple[int, int, int]:
    """Return the same (purchase, customer, basket) as `_plain`."""
    if "user" not in row or "items" not in row:
        return UNRECORDED
    items = json.dumps(row["items"])
    return hash(f'"user": {json.dumps(row["user"])}, "items": {items}'), int(row["user"]), basket_mark(items)
