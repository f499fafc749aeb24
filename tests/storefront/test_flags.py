"""Flags: known by name to every service, switched while it runs, by operators only."""

import pytest
import requests

from storefront.flags import DEFAULTS, Flags
from storefront.problems import Problem
from tests.support.storefront_services import SERVICES, TOKEN, Shop, free_port, start, stop
from tests.support.waiting import until


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


def test_an_instance_may_begin_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By FLAGS; one that this release doesn't know is told on stderr and left out, so that it starts all the same."""
    monkeypatch.delenv("FLAGS", raising=False)
    assert Flags.from_environment().all() == DEFAULTS
    monkeypatch.setenv("FLAGS", "")
    assert Flags.from_environment().all() == DEFAULTS
    monkeypatch.setenv("FLAGS", "checkout=off,of-tomorrow=on,queue-checkout=on")
    assert Flags.from_environment().all() == {**DEFAULTS, "checkout": False, "queue-checkout": True}
    assert capsys.readouterr().err == "FLAGS: no flag is called of-tomorrow\n"


@pytest.mark.parametrize("text", ["checkout", "checkout=", "checkout=no", "checkout=off;costs=off"])
def test_flags_that_cannot_be_read_end_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no instance than one that serves what was to be switched off."""
    monkeypatch.setenv("FLAGS", text)
    with pytest.raises(SystemExit, match="is not name=on or name=off"):
        Flags.from_environment()


@pytest.mark.system
def test_a_path_is_closed_from_the_start() -> None:
    """A gateway that begins with checkout off lets nobody in, not even its first."""
    port = free_port()
    peers = {
        f"{name}_URL": "http://127.0.0.1:1" for name in ("CATALOG", "IDENTITY", "CHECKOUT", "ORDERS", "COSTS")
    }
    process = start("gateway", port, {**peers, "FLAGS": "checkout=off"})
    try:
        answer = requests.post(f"http://127.0.0.1:{port}/checkout", json={}, timeout=5)
        assert (answer.status_code, answer.json()) == (503, {"error": "checkout is closed for now"})
        assert "closed" not in requests.get(f"http://127.0.0.1:{port}/orders?user=1", timeout=5).text
    finally:
        stop(process)


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
        until(
            lambda: len(shop.get("/products/7").json().get("recommended", ())) == 3, "they are read in time"
        )
        assert 7 not in shop.get("/products/7").json()["recommended"]
    finally:
        shop.operate("catalog", "flags", {"recommendations": False})
    assert "recommended" not in shop.get("/products/7").json()


@pytest.mark.system
def test_operators_are_not_counted(shop: Shop) -> None:
    """Their requests are in no metric: they would thin out the error ratio."""
    shop.operate("gateway", "flags")
    assert "_operator" not in requests.get(shop.url("gateway") + "/metrics", timeout=5).text
