"""Content that makes an answer right or wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gameday.load import oracle
from gameday.load.oracle import Check, Finding, Oracle, judge
from tests.support.paths import COMPOSE

PRICES = Oracle({1: 1000, 2: 250})
BASKET = [(1, 2), (2, 1)]
PRODUCT = {"id": 1, "price_cents": 1000, "currency": "USD"}
RECEIPT = {"order_id": "r-1", "total_cents": 2250, "status": "paid"}
COSTS = {
    "region": "us-east",
    "currency": "USD",
    "days": [{"day": "2026-01-01", "cents": 40}, {"day": "2026-01-02", "cents": 2}],
    "total_cents": 42,
}
ORDERS = [{"total_cents": 5, "placed_at": f"2026-01-{30 - n}"} for n in range(10)]


def seen(check: Check, answer: Any) -> Finding:
    return judge(check, json.dumps(answer).encode())[0]


@pytest.mark.parametrize(
    ("list_cents", "discount_bp", "price"),
    [(1000, 0, 1000), (7359, 2250, 5703), (999, 1000, 899), (5, 1000, 4), (4, 1000, 4), (100, 10_000, 0)],
)
def test_prices_round_the_discount_half_up(list_cents: int, discount_bp: int, price: int) -> None:
    """The discount is rounded half up to a cent, then subtracted."""
    assert oracle.right_price(list_cents, discount_bp) == price


def test_the_bundled_catalogue_can_be_read() -> None:
    """The catalogue file has a price for each of its products."""
    path = COMPOSE / "storefront/data/products.json"
    assert len(Oracle.read(path).products) == 1000


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (oracle.product(PRICES, 1), PRODUCT, [{"id": 2}, {"price_cents": 1001}, {"currency": "EUR"}]),
        (
            oracle.receipt(PRICES, "r-1", BASKET),
            RECEIPT,
            [{"order_id": "r-2"}, {"total_cents": 2249}, {"status": "pending"}, {"total_cents": None}],
        ),
        (oracle.receipt(PRICES, "r-1", BASKET), RECEIPT | {"status": "queued"}, [{"total_cents": 2249}]),
        (
            oracle.receipt_or_sold_out(PRICES, "r-1", BASKET),
            RECEIPT,
            [
                {"total_cents": 2249},
                {"error": "postgres is unreachable"},
                {"error": "product 3 is out of stock"},
            ],
        ),
        (
            oracle.receipt_or_sold_out(PRICES, "r-1", BASKET),
            {"error": "product 2 is out of stock"},
            [{"error": "product 21 is out of stock"}, {"error": None}],
        ),
        (
            oracle.costs("us-east"),
            COSTS,
            [
                {"region": "eu-west"},
                {"total_cents": 41},
                {"currency": "EUR"},
                {"days": [], "total_cents": 0},
                {"days": None},
            ],
        ),
        (oracle.session(7), {"user": 7, "token": "t"}, [{"user": 8}, {"token": ""}]),
        (oracle.account(7), {"user": 7}, [{"user": 8}, {"user": "7"}]),
        (
            oracle.history(7),
            {"user": 7, "orders": ORDERS},
            [
                {"user": 8},
                {"orders": ORDERS[:9]},
                {"orders": ORDERS[::-1]},
                {"orders": [*ORDERS[:9], {"total_cents": 0, "placed_at": "2026-01-01"}]},
                {"orders": None},
            ],
        ),
    ],
)
def test_right_and_wrong_content(check: Check, right: dict[str, Any], wrong: list[dict[str, Any]]) -> None:
    """An answer is right if all its content is; it is wrong if any one part is wrong or missing."""
    assert seen(check, right).right
    for change in wrong:
        assert not seen(check, right | change).right, change
    for key in wrong[0]:
        assert not seen(check, {k: v for k, v in right.items() if k != key}).right, key


def test_the_acknowledged_total_is_what_the_client_saw() -> None:
    """The cents of a receipt are kept, right or wrong; other answers acknowledge no total."""
    check = oracle.receipt(PRICES, "r-1", BASKET)
    assert seen(check, RECEIPT | {"total_cents": 1}) == Finding(False, 1)
    assert seen(check, RECEIPT) == Finding(True, 2250)
    assert seen(check, {"order_id": "r-1"}).total == -1
    assert seen(oracle.account(7), {"user": 7}).total == -1


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"[]", b"null", b"3", b'"text"'])
def test_any_other_content_is_wrong(content: bytes) -> None:
    """Content that isn't the expected JSON is wrong, and raises no error."""
    for check in (oracle.product(PRICES, 1), oracle.history(7), oracle.receipt(PRICES, "r-1", BASKET)):
        assert judge(check, content) == (Finding(False), {})
