"""Tests of the money of lost sales."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.analysis.impact.lost_sales import sales_lost_cents
from gameday.recording.samples import ErrorKind, read_samples
from tests.support.run_folders import Request, write_shard

JOURNEYS = frozenset({"buy"})


def lost(folder: Path, *requests: Request, since: float = 10.0) -> int | None:
    write_shard(folder / "load.shard", requests)
    return sales_lost_cents(read_samples(folder), since, JOURNEYS)


def bought(planned: float, user: int, cents: int) -> Request:
    return Request(planned, user=user, order=round(planned * 10), total=cents)


def failed(planned: float, user: int, **more: str) -> Request:
    return Request(planned, user=user, error=ErrorKind.STATUS, **more)  # type: ignore[arg-type]


def test_a_buyer_who_gives_up_is_a_mean_cart(tmp_path: Path) -> None:
    """Two of three buyers who met a failure never bought: two carts at the mean of the acknowledged orders."""
    orders = bought(1.0, 1, 1000), bought(2.0, 2, 3000), bought(30.0, 5, 2000)
    assert lost(tmp_path, *orders, failed(20.0, 3), failed(21.0, 4), failed(22.0, 5)) == 4000


def test_a_buyer_is_counted_once(tmp_path: Path) -> None:
    """Several failures of one buyer lose one cart."""
    assert lost(tmp_path, bought(1.0, 1, 1000), failed(20.0, 3), failed(21.0, 3), failed(25.0, 3)) == 1000


@pytest.mark.parametrize(
    "request_",
    [failed(5.0, 3), failed(20.0, 3, journey="browse")],
    ids=["before the effect", "of a journey that buys nothing"],
)
def test_other_failures_lose_no_sale(tmp_path: Path, request_: Request) -> None:
    """Failures before the effect, and of journeys that place no order, lose no sale."""
    assert lost(tmp_path, bought(1.0, 1, 1000), request_) == 0


def test_an_order_before_the_failure_does_not_make_up_for_it(tmp_path: Path) -> None:
    """Only an order placed after the last failure shows that the buyer came back."""
    assert lost(tmp_path, bought(15.0, 3, 1000), failed(20.0, 3)) == 1000


def test_without_any_order_the_worth_is_unknown(tmp_path: Path) -> None:
    """If no order was acknowledged the worth of a cart isn't known; without a failure nothing was lost."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert lost(tmp_path / "a", failed(20.0, 3)) is None
    assert lost(tmp_path / "b", Request(20.0)) == 0
