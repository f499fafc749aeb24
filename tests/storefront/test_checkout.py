"""Checkout under contention and half-way failures: never oversold, never charged twice, taken up where it was left."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.storefront_services import Shop, right_prices, sql

pytestmark = pytest.mark.system


def stock(shop: Shop, product: int) -> int:
    """How many of a product there are."""
    return int(sql(shop, "SELECT quantity FROM stock WHERE product = $1", product))


def test_concurrent_checkouts_never_oversell(shop: Shop) -> None:
    """Of 40 buyers of 2 at a stock of 21, 10 get theirs, 30 a 409 without a charge, and 1 is left."""
    sql(shop, "UPDATE stock SET quantity = 21 WHERE product = 100")

    def buy(n: int) -> int:
        """As clients do it: an attempt that came to nothing is made again under its key, and where it had, it shows."""
        for _ in range(10):
            status = shop.checkout(f"rush-{n}", n + 1, {100: 2, 101: 1}).status_code
            if status < 500:
                break
        return 201 if status == 200 else status

    with ThreadPoolExecutor(16) as buyers:
        statuses = list(buyers.map(buy, range(40)))
    assert (statuses.count(201), statuses.count(409)) == (10, 30)
    assert stock(shop, 100) == 1
    assert stock(shop, 101) == 1_000_000 - 10
    charged = [number for number in range(40) if shop.charges(f"rush-{number}")]
    assert charged == [number for number, status in enumerate(statuses) if status == 201]


def test_one_key_at_the_same_time_is_one_order(shop: Shop) -> None:
    """Ten requests with one key at once all get the same paid order; stock is taken once, charged once."""
    with ThreadPoolExecutor(10) as buyers:
        answers = list(buyers.map(lambda _: shop.checkout("twins", 50, {102: 3}), range(10)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert shop.charges("twins") == [3 * right_prices()[102]]
    assert stock(shop, 102) == 1_000_000 - 3


def test_a_refused_payment_gives_the_stock_back_and_stays_refused(shop: Shop) -> None:
    """Over the card's limit: 402 each time, the order failed, no charge, the stock as before."""
    for _ in range(2):
        assert shop.checkout("too-dear", 51, {103: 1000, 104: 1000}).status_code == 402
    assert (stock(shop, 103), stock(shop, 104)) == (1_000_000, 1_000_000)
    assert sql(shop, "SELECT status FROM orders WHERE id = 'too-dear'") == "failed"
    assert shop.charges("too-dear") == []


def test_a_repeated_key_finishes_a_pending_order(shop: Shop) -> None:
    """With payments away the order stays pending and holds its stock; the same key later pays it, once."""
    shop.stop("payments")
    try:
        assert shop.checkout("left-open", 52, {105: 1}).status_code == 503
        assert sql(shop, "SELECT status FROM orders WHERE id = 'left-open'") == "pending"
    finally:
        shop.start("payments")
    assert shop.checkout("left-open", 52, {105: 1}).status_code == 201
    assert stock(shop, 105) == 1_000_000 - 1
    assert shop.charges("left-open") == [right_prices()[105]]


def test_a_key_stands_for_one_order_only(shop: Shop) -> None:
    """The same key for another basket or another user is a 409 that changes nothing."""
    assert shop.checkout("mine", 53, {106: 1}).status_code == 201
    assert shop.checkout("mine", 53, {106: 2}).status_code == 409
    assert shop.checkout("mine", 54, {106: 1}).status_code == 409
    assert stock(shop, 106) == 1_000_000 - 1


def test_too_many_orders_within_the_hour_are_refused(shop: Shop) -> None:
    """The velocity check lets a customer's hundred and first order of the hour pass, and not one more."""
    sql(
        shop,
        """INSERT INTO orders SELECT 'fast-' || n, 55, 'paid', 1, now(), 'us-east', '[]', '{"email": "x@y"}'
           FROM generate_series(1, 100) n""",
    )
    assert shop.checkout("fast-101", 55, {107: 1}).status_code == 201
    assert shop.checkout("fast-102", 55, {107: 1}).status_code == 429
    assert stock(shop, 107) == 1_000_000 - 1
