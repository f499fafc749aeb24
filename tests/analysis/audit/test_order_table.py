"""Tests of the order table: rows of the system of record, read as columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gameday.analysis.audit.order_table import Orders, read_orders


def read(folder: Path, *rows: Any, **style: Any) -> Orders:
    path = folder / "audit.jsonl"
    path.write_text("".join(json.dumps(row, **style) + "\n" for row in rows), encoding="utf-8")
    table = read_orders(path, "run")
    assert table is not None
    return table


def row(order: str, status: str = "paid", cents: int = 5) -> dict[str, Any]:
    return {"id": order, "status": status, "total_cents": cents}


def bought(order: str, user: int, *items: tuple[int, int]) -> dict[str, Any]:
    basket = [{"product": product, "quantity": quantity} for product, quantity in items]
    return {**row(order), "user": user, "items": basket}


ROWS = [row("run-10", cents=7), row("run-2", "pending", 9), row("run-3", "void", 1)]


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}], ids=["as written", "in another style"])
@pytest.mark.parametrize(
    "more",
    [[], [row("run-4", cents=-3)], [row("other-5")], [row("run-x")]],
    ids=["plain", "negative", "other", "odd"],
)
def test_rows_become_columns(tmp_path: Path, style: dict[str, Any], more: list[dict[str, Any]]) -> None:
    """Rows are sorted by number in any style of file; other runs' rows don't count; unknown ids
    come first."""
    scenario = read(tmp_path, *ROWS, *more, **style)
    extra = [4] if more and more[0]["total_cents"] < 0 else []
    odd = [-1] if more and more[0]["id"] == "run-x" else []
    assert scenario.number.tolist() == [*odd, 2, 3, *extra, 10]
    assert scenario.paid.tolist() == [*(True for _ in odd), False, False, *(True for _ in extra), True]
    assert scenario.state.tolist() == [*(2 for _ in odd), 1, 0, *(2 for _ in extra), 2]
    assert scenario.cents.tolist() == [*(5 for _ in odd), 9, 1, *(-3 for _ in extra), 7]


def test_the_later_row_of_an_order_holds(tmp_path: Path) -> None:
    """The later row of an order wins, as in any log of changes."""
    scenario = read(tmp_path, row("run-1", "pending"), row("run-1", "paid", 8))
    assert (scenario.number.tolist(), scenario.paid.tolist(), scenario.cents.tolist()) == ([1], [True], [8])


def test_no_file_and_an_empty_one_differ(tmp_path: Path) -> None:
    """A missing file means not audited; an empty one means no orders."""
    assert read_orders(tmp_path / "audit.jsonl", "run") is None
    assert len(read(tmp_path).number) == 0


def test_a_row_that_is_none_is_named(tmp_path: Path) -> None:
    """An invalid row is an error with its line, beyond the first block as well."""
    with pytest.raises(ValueError, match=r"audit\.jsonl:25001: invalid row"):
        read(tmp_path, *[row(f"run-{n}") for n in range(25_000)], {"id": "run-1"})


@pytest.mark.parametrize("more", [[], [row("run-x")]], ids=["as written", "one by one"])
def test_equal_purchases_are_equal(tmp_path: Path, more: list[dict[str, Any]]) -> None:
    """Two orders are equal only if user and basket are, in whatever way the rows are read."""
    same, other, some = ((3, 1), (7, 2)), ((3, 1), (7, 1)), ((3, 1),)
    orders = [bought("run-1", 5, *same), bought("run-2", 5, *same), bought("run-3", 6, *same)]
    scenario = read(tmp_path, *orders, bought("run-4", 5, *other), bought("run-5", 5, *some), *more)
    one, two, *others = scenario.purchase[scenario.number > 0].tolist()
    assert one == two
    assert len({one, *others}) == 4
    assert scenario.cents[scenario.number > 0].tolist() == [5] * 5
    assert 0 not in (one, *others)


def test_units_of_chosen_orders(tmp_path: Path) -> None:
    """Units are summed by product for the chosen orders and repeated rows; a failed order sold
    nothing."""
    failed = {**bought("run-3", 1, (1, 40)), "status": "failed"}
    again = bought("run-2", 1, (2, 5))
    scenario = read(
        tmp_path, bought("run-1", 1, (1, 2), (2, 1)), again, failed, again, bought("run-y", 1, (9, 1))
    )
    assert scenario.repeated == 1
    assert scenario.units(np.array([1, 3])) == {1: 2, 2: 6}
    assert scenario.units(np.array([-1])) == {9: 1, 2: 5}
