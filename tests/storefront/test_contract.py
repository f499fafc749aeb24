"""The public API of a region, over HTTP, against real services and a real Postgres."""

from typing import Any

import pytest
import requests

from tests.support.storefront_services import REGION, SERVICES, Shop, right_prices
from tests.support.waiting import until

pytestmark = pytest.mark.system


def test_product_pages_show_the_right_price_and_the_stock(shop: Shop) -> None:
    """Every product page answers 200 with the price by the rule, and with the stock once it was read."""
    prices = dict(list(right_prices().items())[::10])

    def stocks() -> set[int | None]:
        return {shop.get(f"/products/{product}").json().get("stock") for product in prices}

    until(lambda: stocks() == {1_000_000}, "every page shows the stock")
    for product, price in prices.items():
        answer = shop.get(f"/products/{product}")
        page = answer.json()
        assert (answer.status_code, page["id"], page["price_cents"]) == (200, product, price)
        assert (page["currency"], page["stock"]) == ("USD", 1_000_000)
        assert page["name"]
        assert page["description"]


@pytest.mark.parametrize("path", ["/products/0", "/products/1001", "/products/x", "/nowhere"])
def test_what_is_not_there_is_404(shop: Shop, path: str) -> None:
    """Unknown products and paths are 404, as JSON."""
    answer = shop.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_login_gives_a_token_that_opens_the_account(shop: Shop) -> None:
    """The right password gives a token; with it, and only with it, the account is shown."""
    token = shop.login(5, "pw-5").json()["token"]
    account = shop.get("/account", headers={"Authorization": f"Bearer {token}"})
    assert account.status_code == 200
    assert set(account.json()) == {"user", "name", "home_region"}
    assert account.json()["user"] == 5
    assert shop.get("/account").status_code == 401
    assert shop.get("/account", headers={"Authorization": f"Bearer 6{token[1:]}"}).status_code == 401


def test_a_wrong_password_is_401(shop: Shop) -> None:
    """A wrong password and an unknown user are told apart by nothing."""
    wrong, unknown = shop.login(5, "pw-6"), shop.login(20_001, "pw-20001")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


def test_a_checkout_is_paid_once_however_often_it_is_asked_for(shop: Shop) -> None:
    """The first answer is 201; the same key again gives the same order and no second charge."""
    total = 2 * right_prices()[7] + right_prices()[9]
    first = shop.checkout("contract-1", 5, {7: 2, 9: 1})
    again = shop.checkout("contract-1", 5, {9: 1, 7: 2})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"order_id": "contract-1", "total_cents": total, "status": "paid"}
    assert shop.charges("contract-1") == [total]


def test_the_history_is_the_last_ten_orders(shop: Shop) -> None:
    """Preloaded users have ten orders at right prices, newest first; a new order comes in front."""
    before = shop.get("/orders?user=6").json()["orders"]
    assert len(before) == 10
    assert [order["placed_at"] for order in before] == sorted((o["placed_at"] for o in before), reverse=True)
    for order in before:
        assert order["total_cents"] == sum(
            right_prices()[i["product"]] * i["quantity"] for i in order["items"]
        )
    assert shop.checkout("contract-2", 6, {1: 3}).status_code == 201
    after = shop.get("/orders?user=6").json()["orders"]
    assert [order["id"] for order in after] == ["contract-2", *(order["id"] for order in before[:9])]
    assert after[0]["items"] == [{"product": 1, "quantity": 3}]


def test_costs_add_up(shop: Shop) -> None:
    """The cost explorer shows the region's days and their sum."""
    costs = shop.get("/costs").json()
    assert (costs["region"], costs["currency"], len(costs["days"])) == (REGION, "USD", 30)
    assert costs["total_cents"] == sum(day["cents"] for day in costs["days"]) > 0


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("", {"user": 1, "items": [{"product": 1, "quantity": 1}]}),
        ("k" * 65, {"user": 1, "items": [{"product": 1, "quantity": 1}]}),
        ("bad-1", {"user": "1", "items": [{"product": 1, "quantity": 1}]}),
        ("bad-2", {"user": 1, "items": []}),
        ("bad-3", {"user": 1, "items": [{"product": 1, "quantity": 0}]}),
        ("bad-4", {"user": 1, "items": [{"product": 1001, "quantity": 1}]}),
        ("bad-5", {"user": 20_001, "items": [{"product": 1, "quantity": 1}]}),
        ("bad-6", ["user", 1]),
    ],
)
def test_a_misfit_checkout_is_400_and_leaves_nothing(shop: Shop, key: str, body: Any) -> None:
    """What can't be an order is refused with 400, says why and charges nothing."""
    url = shop.url("gateway") + "/checkout"
    answer = requests.post(url, json=body, headers={"Idempotency-Key": key}, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert shop.charges(key) == []


def test_answers_name_the_region_and_every_release_that_had_part(shop: Shop) -> None:
    """X-Region and X-Release are on successes and on errors."""
    page, missing = shop.get("/products/1"), shop.get("/products/1001")
    assert page.headers["X-Region"] == missing.headers["X-Region"] == REGION
    assert page.headers["X-Release"] == "catalog-1.0.0 gateway-1.0.0 pricing-1.0.0"
    assert missing.headers["X-Release"] == "catalog-1.0.0 gateway-1.0.0"
    paid = shop.checkout("contract-3", 5, {1: 1}).headers
    assert paid["X-Release"] == "checkout-1.0.0 gateway-1.0.0 payments-1.0.0 pricing-1.0.0"
    assert paid["X-Primary"] == f"{REGION}/1"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_says_who_it_is(shop: Shop, service: str) -> None:
    """/healthz names service, region, release and instance."""
    health = requests.get(shop.url(service) + "/healthz", timeout=5)
    assert health.json() == {
        "service": service,
        "region": REGION,
        "release": f"{service}-1.0.0",
        "instance": f"{service}-{shop.ports[service]}",
    }


def test_metrics_count_requests_by_route_and_status(shop: Shop) -> None:
    """An answer adds one to its route and status, and to the histogram; health checks count nowhere."""
    labels = 'region="us-east",release="gateway-1.0.0",route="/products/{id}",service="gateway"'
    line = f'http_requests_total{{{labels},status="404"}}'

    def counted() -> float:
        text = requests.get(shop.url("gateway") + "/metrics", timeout=5).text
        assert "healthz" not in text
        return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(line))

    shop.get("/products/1001")
    before = counted()
    shop.get("/products/1001")
    assert counted() == before + 1
    text = requests.get(shop.url("gateway") + "/metrics", timeout=5).text
    assert f"http_request_duration_seconds_count{{{labels}}}" in text


def test_a_dead_peer_is_503_at_its_caller(shop: Shop) -> None:
    """Without pricing a product page is a 503 that says who is missing; afterwards it is there again."""
    shop.stop("pricing")
    try:
        answer = shop.get("/products/1")
        assert (answer.status_code, answer.json()) == (503, {"error": "pricing is unreachable"})
    finally:
        shop.start("pricing")
    assert shop.get("/products/1").status_code == 200
