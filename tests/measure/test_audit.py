"""Acknowledged orders against the system of record."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.measure import measure
from runner.samples import ErrorKind
from tests.measure.folders import RUN, Request, Story, steadily, write

STORY = Story().begin().finish()


def buying() -> list[Request]:
    """Orders 1 to 4: paid, answered wrong, refused (500), timed out."""
    requests = steadily()
    for number, error in enumerate((ErrorKind.NONE, ErrorKind.WRONG, ErrorKind.STATUS, ErrorKind.TIMEOUT), 1):
        requests[number].order, requests[number].error = number, error
        requests[number].total = 1000 * number if number < 3 else -1
    return requests


def test_all_orders_are_there(tmp_path: Path) -> None:
    """Two were acknowledged, both are paid at the same amount; one that the client never heard of doesn't matter."""
    rows = {f"{RUN}-1": ("paid", 1000), f"{RUN}-2": ("paid", 2000), f"{RUN}-4": ("paid", 9)}
    found = measure(write(tmp_path / "run", STORY, buying(), rows))["audit"]
    assert (found["acknowledged"], found["lost"], found["rpo_s"]) == (2, 0, 0.0)
    assert (found["wrong_amount"], found["wrong_amount_cents"]) == (0, 0)
    assert {found[key] for key in ("duplicated", "charged_twice", "oversold", "indeterminate")} == {None}


def test_lost_and_unpaid_orders(tmp_path: Path) -> None:
    """Missing, or there and not paid: lost both."""
    found = measure(write(tmp_path / "run", STORY, buying(), {f"{RUN}-2": ("pending", 2000)}))["audit"]
    assert (found["acknowledged"], found["lost"], found["rpo_s"]) == (2, 2, None)


def test_wrong_amounts(tmp_path: Path) -> None:
    """Charged 150 cents too much and 50 too little: 200 cents."""
    rows = {f"{RUN}-1": ("paid", 1150), f"{RUN}-2": ("paid", 1950)}
    found = measure(write(tmp_path / "run", STORY, buying(), rows))["audit"]
    assert (found["wrong_amount"], found["wrong_amount_cents"], found["lost"]) == (2, 200, 0)


def test_unaudited_is_null_and_not_none_lost(tmp_path: Path) -> None:
    """Without the file of the system of record nothing is said."""
    found = measure(write(tmp_path / "run", STORY, buying()))["audit"]
    assert set(found.values()) == {None}


def test_a_broken_audit_names_its_line(tmp_path: Path) -> None:
    """Half a row is an error with its place."""
    folder = write(tmp_path / "run", STORY, buying(), {f"{RUN}-1": ("paid", 1)})
    with (folder / "audit.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "x"}\n')
    with pytest.raises(ValueError, match=r"audit\.jsonl:2: not a row"):
        measure(folder)
