"""Flags: known by name to every service, switched while it runs, by operators only."""

import pytest
import requests

from storefront.flags import DEFAULTS, Flags
from storefront.problems import Problem
from tests.storefront.running import SERVICES, TOKEN, Shop, until


def test_flags_begin_with_their_defaults_and_are_switched_by_name() -> None:
    """Only what is named changes; a path without a flag is open."""
    flags = Flags()
    assert flags.all() == DEFAULTS
    flags.switch({"checkout": False, "queue-checkout": True})
    assert flags.all() == {**DEFAULTS, "checkout": False, "queue-checkout": True}
    assert (flags.closed("checkout"), flags.closed("orders"), flags.closed("catalog")) == (True, False, False)


@pytest.mark.parametrize("values", [{"no-such": True}, {"checkout": 0}, {"orders": False, "costs": "off"}])
def test_a_misfit_switches_nothing(values: dict[str, object]) -> None:
    """An unknown name, or a value that is no boolean: 400, and the flags named beside it stay."""
    flags = Flags()
    with pytest.raises(Problem) as raised:
        flags.switch(values)
    assert raised.value.status == 400
    assert flags.all() == DEFAULTS


@pytest.mark.system
@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_all_flags(shop: Shop, service: str) -> None:
    """Asked by an operator they are told, whichever service it is."""
    assert shop.operate(service, "flags") == {"flags": DEFAULTS}
    assert shop.operate(service, "flags", {"costs": True}) == {"flags": DEFAULTS}


@pytest.mark.system
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_nobody_without_the_token_gets_in(shop: Shop, authorization: str) -> None:
    """No token, another one, another scheme: 401, and nothing is switched."""
    url = shop.url("gateway") + "/_operator/flags"
    answer = requests.post(url, json={"checkout": False}, headers={"Authorization": authorization}, timeout=5)
    assert answer.status_code == 401
    assert shop.operate("gateway", "flags")["flags"]["checkout"]


@pytest.mark.system
def test_a_closed_path_is_refused_at_the_gateway(shop: Shop) -> None:
    """checkout off: 503 before anything is asked; on again, it is sold again; other paths don't notice."""
    shop.operate("gateway", "flags", {"checkout": False})
    try:
        answer = shop.checkout("closed", 1, {1: 1})
        assert (answer.status_code, answer.json()) == (503, {"error": "checkout is closed for now"})
        assert answer.headers["X-Release"] == "gateway-1.0.0"
        assert shop.get("/orders?user=1").status_code == 200
    finally:
        shop.operate("gateway", "flags", {"checkout": True})
    assert shop.checkout("closed", 1, {1: 1}).status_code == 201


@pytest.mark.system
def test_recommendations_are_on_the_page_while_their_flag_is_on(shop: Shop) -> None:
    """What others bought with the product, never the product itself; by default the page is as ever."""
    assert "recommended" not in shop.get("/products/7").json()
    shop.operate("catalog", "flags", {"recommendations": True})
    try:
        until(lambda: len(shop.get("/products/7").json()["recommended"]) == 3, "they are read in time")
        assert 7 not in shop.get("/products/7").json()["recommended"]
    finally:
        shop.operate("catalog", "flags", {"recommendations": False})
    assert "recommended" not in shop.get("/products/7").json()


@pytest.mark.system
def test_operators_are_not_counted(shop: Shop) -> None:
    """Their requests are in no metric: they would thin out the error ratio."""
    shop.operate("gateway", "flags")
    assert "_operator" not in requests.get(shop.url("gateway") + "/metrics", timeout=5).text
