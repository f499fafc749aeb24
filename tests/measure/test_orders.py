"""What the system of record said, read as columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.measure.orders import Orders, read_orders


def read(folder: Path, *rows: Any, **style: Any) -> Orders:
    path = folder / "audit.jsonl"
    path.write_text("".join(json.dumps(row, **style) + "\n" for row in rows), encoding="utf-8")
    found = read_orders(path, "run")
    assert found is not None
    return found


def row(order: str, status: str = "paid", cents: int = 5) -> dict[str, Any]:
    return {"id": order, "status": status, "total_cents": cents}


ROWS = [row("run-10", cents=7), row("run-2", "pending", 9), row("run-3", "void", 1)]


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}], ids=["as written", "in another style"])
@pytest.mark.parametrize(
    "more", [[], [row("run-4", cents=-3)], [row("other-5")], [row("run-x")]], ids=["plain", "negative", "other", "odd"]
)
def test_rows_become_columns(tmp_path: Path, style: dict[str, Any], more: list[dict[str, Any]]) -> None:
    """By number, whatever the style of the file; rows of other runs don't matter."""
    found = read(tmp_path, *ROWS, *more, **style)
    extra = [4] if more and more[0]["total_cents"] < 0 else []
    assert found.number.tolist() == [2, 3, *extra, 10]
    assert found.paid.tolist() == [False, False, *(True for _ in extra), True]
    assert found.cents.tolist() == [9, 1, *(-3 for _ in extra), 7]


def test_the_later_row_of_an_order_holds(tmp_path: Path) -> None:
    """As in any log of changes."""
    found = read(tmp_path, row("run-1", "pending"), row("run-1", "paid", 8))
    assert (found.number.tolist(), found.paid.tolist(), found.cents.tolist()) == ([1], [True], [8])


def test_no_file_and_an_empty_one_differ(tmp_path: Path) -> None:
    """The system of record wasn't asked, or had none."""
    assert read_orders(tmp_path / "audit.jsonl", "run") is None
    assert len(read(tmp_path).number) == 0


def test_a_row_that_is_none_is_named(tmp_path: Path) -> None:
    """With its line, beyond the first block as well."""
    with pytest.raises(ValueError, match=r"audit\.jsonl:25001: not a row"):
        read(tmp_path, *[row(f"run-{n}") for n in range(25_000)], {"id": "run-1"})
