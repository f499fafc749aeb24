"""The price rule."""

from storefront import products
from storefront.pricing import discount_cents, price_cents
from tests.support.storefront_services import right_prices


def test_prices_follow_the_rule() -> None:
    """Every product costs its list price less its discount, rounded half up to a cent."""
    assert {product.id: price_cents(product) for product in products.load().values()} == right_prices()


def test_half_a_cent_of_discount_is_rounded_up() -> None:
    """2.5 % of 20 cents is half a cent: a discount of one."""
    assert (discount_cents(20, 250), discount_cents(19, 250)) == (1, 0)


def test_the_range_is_a_thousand_products_that_exercise_the_rule() -> None:
    """Ids 1 to 1000; some without a discount, some of a part of a percent, some without a past price."""
    known = products.load()
    assert list(known) == list(range(1, 1001))
    assert sum(product.discount_bp == 0 for product in known.values()) > 200
    assert sum(product.discount_bp % 100 > 0 for product in known.values()) > 200
    assert 150 <= sum(not product.past_30_days_cents for product in known.values()) <= 250
