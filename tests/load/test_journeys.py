"""The requests of each journey, step by step."""

from __future__ import annotations

import json

import pytest

from gameday.load.journeys import JOURNEYS, Visit
from gameday.load.load_plan import STEPS, Arrival
from gameday.load.oracle import Oracle
from tests.support.load_plans import plan
from tests.support.nonempty_all import nonempty_all

ORACLE = Oracle({n: 100 * n for n in range(1, 30)})


def visit(journey: str, choice: int = 3) -> Visit:
    return Visit(plan(), ORACLE, Arrival(5.0, journey, 7, choice, 4 if journey in ("buy", "rush") else 0))


@pytest.mark.parametrize("journey", STEPS)
def test_journeys_have_the_steps_that_are_planned(journey: str) -> None:
    """A journey yields the steps from which the plan computes its rate."""
    run = JOURNEYS[journey](visit(journey))
    names = [next(run).name]
    while len(names) < len(STEPS[journey]):
        names.append(run.send({"token": "t"}).name)
    with pytest.raises(StopIteration):
        run.send({})
    assert tuple(names) == STEPS[journey]


def test_a_checkout_follows_the_page_of_its_first_product() -> None:
    """The checkout carries its key, user and basket; the product page before it shows the basket's
    first product."""
    run = JOURNEYS["buy"](visit("buy"))
    page, checkout = next(run), run.send({})
    body = json.loads(checkout.body)
    assert page.path == f"/products/{body['items'][0]['product']}"
    assert (body["user"], checkout.headers["Idempotency-Key"], checkout.order) == (7, "r-4", 4)
    assert checkout.expected == {200, 201, 202}


def test_baskets_are_small_and_of_their_seed() -> None:
    """A basket has one to three different products, one or two of each; the same seed gives the
    same basket."""
    baskets = [visit("buy", choice).basket() for choice in range(300)]
    assert {len(basket) for basket in baskets} == {1, 2, 3}
    assert {quantity for basket in baskets for _, quantity in basket} == {1, 2}
    assert nonempty_all(len({product for product, _ in basket}) == len(basket) for basket in baskets)
    assert baskets == [visit("buy", choice).basket() for choice in range(300)]


def test_the_account_is_asked_for_with_the_token_of_the_login() -> None:
    """The account request carries the login's token; if the login's answer has none, the request is
    still made, and the system should refuse it."""
    for answer, header in (({"token": "abc"}, "Bearer abc"), ({}, "Bearer None"), ([], "Bearer None")):
        run = JOURNEYS["login"](visit("login"))
        next(run)
        assert run.send(answer).headers["Authorization"] == header


def test_a_rush_orders_one_of_the_first_product_and_may_find_it_sold_out() -> None:
    """Every customer wants the same product; a 409 is an expected answer, and the key is the order's."""
    step = next(JOURNEYS["rush"](visit("rush")))
    assert json.loads(step.body) == {"user": 7, "items": [{"product": ORACLE.products[0], "quantity": 1}]}
    assert step.expected == {200, 201, 202, 409}
    assert (step.headers["Idempotency-Key"], step.order) == (f"{plan().run}-4", 4)
