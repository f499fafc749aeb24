"""Guardrails: which are on, how peers are guarded, and what each is good for in a shop whose payments misbehave."""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest
import requests

from storefront import outgoing
from storefront.guarded import Guarded, Peers
from storefront.guardrails import NAMES, PATIENT_S, Guardrails
from storefront.outgoing import Peer
from storefront.places import Places
from storefront.problems import Problem, Refused, TimedOut
from tests.support import storefront_services
from tests.support.storefront_services import Shop, right_prices, sql
from tests.support.waiting import until


def charged(shop: Shop, key: str, amounts: list[int]) -> bool:
    """Return True if the ledger of the third party holds exactly `amounts` (cents) for the order."""
    return shop.charges(key) == amounts


def paid(shop: Shop, key: str) -> bool:
    """Return True if a repeated checkout of the order is answered as paid."""
    return shop.checkout(key, 60, {110: 2}).status_code == 200


def answers(url: str) -> bool:
    """Return True if `url` is answered with status 200."""
    return requests.get(url, timeout=5).status_code == 200


def test_guardrails_are_named_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset means time-outs alone; `none` means none; a name that doesn't exist ends the service with a message."""
    monkeypatch.delenv("GUARDRAILS", raising=False)
    assert Guardrails.from_environment().on == {"timeouts"}
    monkeypatch.setenv("GUARDRAILS", "none")
    assert not Guardrails.from_environment().on
    monkeypatch.setenv("GUARDRAILS", ",".join(NAMES))
    assert Guardrails.from_environment().on == NAMES
    monkeypatch.setenv("GUARDRAILS", "timeouts,airbag")
    with pytest.raises(SystemExit, match="airbag"):
        Guardrails.from_environment()


def test_without_time_outs_calls_have_a_librarys_patience() -> None:
    """With them a call's own bound holds."""
    assert Guardrails().within(1.2) == 1.2
    assert Guardrails(frozenset()).within(1.2) == PATIENT_S


def test_by_default_a_peer_is_unguarded() -> None:
    """Time-outs alone: the plain peer, with its own bound; each guardrail adds its guard or its places."""

    async def run() -> None:
        async with outgoing.client() as client:

            def made(*on: str) -> Peer:
                return Peers(Guardrails(frozenset(on)), client, shed=True).to("far", "http://far", 1.4)

            assert type(made("timeouts")) is Peer
            assert (made("timeouts").total_s, made().total_s) == (1.4, PATIENT_S)
            for name in ("breaker", "shedding"):
                guarded = made(name)
                assert isinstance(guarded, Guarded)
                assert (len(guarded.guards), len(guarded.places)) == (1, 0)
            held = made("bulkhead")
            assert isinstance(held, Guarded)
            assert (len(held.guards), len(held.places)) == (0, 1)

    asyncio.run(run())


class Recorded:
    """A guard that admits everything and notes what it is told."""

    def __init__(self) -> None:
        self.told: list[bool | None] = []

    def admit(self) -> "Recorded":
        return self

    def __call__(self, answered: bool | None, seconds: float) -> None:
        self.told.append(answered)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and say nothing until the caller is gone."""
    await reader.read()
    writer.close()


def guarded(*places: Places, total_s: float = 0.2) -> SimpleNamespace:
    """Two calls at once to a silent peer, the first with more time: what they raised, and what a guard was told."""
    guard = Recorded()

    async def run() -> list[BaseException | object]:
        server = await asyncio.start_server(hang, storefront_services.HOST, 0)
        address = f"http://{storefront_services.HOST}:{server.sockets[0].getsockname()[1]}"
        async with server, outgoing.client() as client:
            peers = [Guarded("far", address, client, total_s * times, (guard,), places) for times in (3, 1)]
            return await asyncio.gather(*(peer.call("GET", "/") for peer in peers), return_exceptions=True)

    return SimpleNamespace(raised=[type(each) for each in asyncio.run(run())], told=guard.told)


def test_a_call_without_a_place_is_no_failure_of_the_peer() -> None:
    """Of two calls for one place the second waits to its own end: a time-out, of which the peer's guards count one."""
    found = guarded(Places(1))
    assert found.raised == [TimedOut, TimedOut]
    assert sorted(found.told, key=str) == [False, None]


def test_a_taken_share_is_refused_while_the_call_still_has_time() -> None:
    """With a bulkhead the second one isn't kept waiting."""
    found = guarded(Places(1, wait_s=0.01), total_s=1.0)
    assert sorted(each.__name__ for each in found.raised) == ["Refused", "TimedOut"]


def test_a_place_is_free_again_after_a_failed_call() -> None:
    """Places aren't lost, whatever came of the calls in them."""

    async def run() -> None:
        places = Places(1, wait_s=0.01)
        async with outgoing.client() as client:
            peer = Guarded("nobody", "http://127.0.0.1:1", client, 0.5, (), (places,))
            for _ in range(3):
                with pytest.raises(Problem, match="unreachable"):
                    await peer.call("GET", "/")
        async with places.place("x"):
            with pytest.raises(Refused, match=r"^y "):
                async with places.place("y"):
                    pass

    asyncio.run(run())


# --- a whole shop --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def guardrails(shop: Shop, names: str) -> Iterator[None]:
    """The shop's gateway and checkout with these guardrails."""
    was = shop.guardrails
    _restart(shop, names)
    try:
        yield
    finally:
        _restart(shop, was)


def _restart(shop: Shop, names: str) -> None:
    shop.guardrails = names
    for service in ("gateway", "checkout"):
        shop.stop(service)
        shop.start(service)


def held_up(shop: Shop, run: str) -> bool:
    """Whether a product page came only after customers had waited in vain for payments that never answer."""
    shop.operate("payments", "behaviour", {"mode": "silent"})
    try:
        with ThreadPoolExecutor(8) as buyers:
            list(
                buyers.map(lambda n: shop.checkout_once(f"{run}-first-{n}", n + 1, {1: 1}), range(4))
            )  # a breaker's lesson
            statuses: list[int] = []
            under_way = Barrier(9, timeout=10)

            def buy(n: int) -> None:
                under_way.wait()
                statuses.append(shop.checkout_once(f"{run}-{n}", n + 1, {1: 1}).status_code)

            bought = [buyers.submit(buy, n) for n in range(8)]
            under_way.wait()
            until(lambda: waiting(shop) >= 2 or bool(statuses), "checkouts wait, or are refused")
            until(lambda: shop.get("/products/1").status_code == 200, "a page comes")
            late = 504 in statuses
            for each in bought:
                each.result()
    finally:
        shop.operate("payments", "behaviour", {"mode": "ok"})
    return late


def waiting(shop: Shop) -> int:
    """Orders that are reserved and not paid."""
    return int(
        sql(
            shop,
            "SELECT count(*) FROM orders WHERE status = 'pending' AND placed_at > now() - interval '1 s'",
        )
    )


@pytest.mark.system
@pytest.mark.parametrize(
    ("names", "late"), [("timeouts", True), ("timeouts,bulkhead", False), ("timeouts,breaker", False)]
)
def test_payments_that_never_answer_hold_everybody_up(shop: Shop, names: str, late: bool) -> None:
    """Without bulkhead and breaker product pages wait behind checkouts for a place; with either they don't notice."""
    with guardrails(shop, names):
        assert held_up(shop, names) is late


@pytest.fixture(scope="module")
def careful(template: Path) -> Iterator[Shop]:
    """A shop with a breaker, in degraded mode where need be, and a rate limit."""
    with storefront_services.shop(template, "timeouts,breaker,degraded,rate-limit") as shop:
        yield shop


def shows_old_price(shop: Shop, products: Iterator[int]) -> bool:
    """Whether the page of the next product has an old price."""
    return "stale" in shop.get(f"/products/{next(products)}").json()


def await_known_prices(shop: Shop) -> None:
    """Wait until the catalog knows every price: it fetches them in hundreds, and a page of each hundred is an old price.

    Each page is asked for once, since the catalog remembers the price of a page that it has shown.
    """
    shop.operate("catalog", "flags", {"degraded-prices": True})
    try:
        for first in range(1, 1000, 100):
            products = iter(range(first + 1, first + 100))
            until(partial(shows_old_price, shop, products), "prices are known")
    finally:
        shop.operate("catalog", "flags", {"degraded-prices": False})


@pytest.mark.system
def test_old_prices_are_shown_while_pricing_is_away(careful: Shop) -> None:
    """Every page at its last known price, and marked; with pricing back, fresh ones, after the breaker's time."""
    await_known_prices(careful)
    careful.stop("pricing")
    try:
        for product, price in list(right_prices().items())[::100]:
            page = careful.get(f"/products/{product}")
            assert (page.status_code, page.json()["price_cents"], page.json()["stale"]) == (200, price, True)
    finally:
        careful.start("pricing")
    until(lambda: "stale" not in careful.get("/products/1").json(), "pages are fresh again")


@pytest.mark.system
def test_checkouts_are_queued_while_payments_fail_and_charged_later(careful: Shop) -> None:
    """202, pending and uncharged while payments fail; paid, once, when they answer again; garbage is no proof of it."""
    for mode in ("error", "garbage"):
        careful.operate("payments", "behaviour", {"mode": mode})
        answer = careful.checkout(f"queued-{mode}", 60, {110: 2})
        total = 2 * right_prices()[110]
        assert answer.status_code == 202
        assert answer.json() == {"order_id": f"queued-{mode}", "total_cents": total, "status": "queued"}
        assert careful.charges(f"queued-{mode}") == []
    careful.operate("payments", "behaviour", {"mode": "ok"})
    for mode in ("error", "garbage"):
        key = f"queued-{mode}"
        until(partial(charged, careful, key, [total]), "it is charged")
        until(partial(paid, careful, key), "it is paid")


@pytest.mark.system
def test_orders_that_a_dead_instance_had_queued_are_charged_by_another(careful: Shop) -> None:
    """The queue is Postgres: what was acknowledged survives whoever acknowledged it."""
    careful.operate("payments", "behaviour", {"mode": "error"})
    assert careful.checkout("orphan", 61, {111: 1}).status_code == 202
    careful.running["checkout"].kill()
    careful.stop("checkout")
    careful.start("checkout")
    careful.operate("payments", "behaviour", {"mode": "ok"})
    until(lambda: careful.charges("orphan") == [right_prices()[111]], "it is charged")


@pytest.mark.system
def test_a_client_that_asks_too_often_is_429(careful: Shop) -> None:
    """After its burst, and told when to come again; others aren't bothered, nor is whoever can't be told apart."""
    answers = [careful.get("/products/1", headers={"X-Client": "greedy"}) for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert careful.get("/products/1", headers={"X-Client": "modest"}).status_code == 200
    assert careful.get("/products/1").status_code == 200


@pytest.mark.system
def test_operators_degrade_by_hand(shop: Shop) -> None:
    """Flags alone: known prices without asking pricing, checkouts queued without asking payments; back when off."""
    assert "stale" not in shop.get("/products/5").json()
    shop.operate("catalog", "flags", {"degraded-prices": True})
    shop.operate("checkout", "flags", {"queue-checkout": True})
    try:
        assert shop.get("/products/5").json()["stale"] is True
        assert shop.checkout("by-hand", 62, {112: 1}).status_code == 202
        assert shop.charges("by-hand") == []
    finally:
        shop.operate("catalog", "flags", {"degraded-prices": False})
        shop.operate("checkout", "flags", {"queue-checkout": False})
    assert "stale" not in shop.get("/products/5").json()
    until(lambda: shop.charges("by-hand") == [right_prices()[112]], "it is charged")


@pytest.mark.system
def test_readiness_goes_down_to_the_database(shop: Shop) -> None:
    """Gateway and checkout are ready while Postgres takes writes; without checkout the gateway is up and not ready."""
    for service in ("gateway", "checkout"):
        url = shop.url(service) + "/ready"
        until(partial(answers, url), "it is ready")
        assert requests.get(url, timeout=5).json() == {"database": True}
    shop.stop("checkout")
    try:
        assert shop.get("/ready").status_code == 503
        assert shop.get("/healthz").status_code == 200
    finally:
        shop.start("checkout")
