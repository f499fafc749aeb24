"""Records collected for the audit: each part alone, and faults planted in a real shop."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gameday.recording.journal_events import OrdersCollected
from gameday.telemetry.order_records import ORDERS, PLACED, PRELOADED, STOCK, collect_orders
from storefront import rows
from tests.support import storefront_services
from tests.support.measured import measure
from tests.support.run_folders import RUN, Request, Story, steadily, write
from tests.support.small_disk import fill, small_disk


class Ledger(BaseHTTPRequestHandler):
    lines = (
        {"order_id": f"{RUN}-1", "amount_cents": 5, "charged_at": 1.0},
        {"order_id": "another-run-1", "amount_cents": 7, "charged_at": 1.0},
    )
    status = 200

    def do_GET(self) -> None:
        content = "".join(json.dumps(line) + "\n" for line in self.lines).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def payments() -> Iterator[tuple[str, int]]:
    with HTTPServer(("127.0.0.1", 0), Ledger) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def test_the_ledger_is_kept_without_the_database(
    tmp_path: Path, payments: tuple[str, int], closed_port: int
) -> None:
    """If the database can't be reached, the ledger's rows are still kept; the orders aren't
    written, and the reason is returned."""
    collected = collect_orders(f"postgresql://a:b@127.0.0.1:{closed_port}/c", payments, RUN, tmp_path)
    why = collected.why
    assert collected == OrdersCollected(
        file=None, orders=None, ledger="ledger.jsonl", charges=1, stock=None, why=why
    )
    assert why.startswith("database: ")
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.jsonl"]
    assert json.loads((tmp_path / "ledger.jsonl").read_text()) == Ledger.lines[0]


def test_without_sources_no_file_is_written(tmp_path: Path, closed_port: int) -> None:
    """If neither source runs or answers, both reasons are returned and no file is written that
    would mean "none"."""
    collected = collect_orders(None, None, RUN, tmp_path)
    assert (
        collected.why
        == "database: ConnectionError: no instance is running; payments: ConnectionError: no instance is running"
    )
    assert (
        "payments: ConnectionRefusedError"
        in collect_orders(None, ("127.0.0.1", closed_port), RUN, tmp_path).why
    )
    assert not list(tmp_path.iterdir())


def test_a_ledger_that_answers_with_an_error_is_none(
    tmp_path: Path, payments: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that answers with an error isn't recorded as one without charges."""
    monkeypatch.setattr(Ledger, "status", 503)
    collected = collect_orders(None, payments, RUN, tmp_path)
    assert (collected.charges, "status 503" in collected.why) == (None, True)


def test_the_preloaded_stock_is_the_storefront_s() -> None:
    """The preloaded stock is written down twice, since the runner never imports the storefront;
    both figures agree."""
    assert PRELOADED == rows.STOCK_EACH


class Answering:
    """A connection to a database that answers, and then fails to close."""

    orders = 1

    def transaction(self, **_: Any) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def fetch(self, statement: str, *_: Any) -> list[dict[str, Any]]:
        if statement != PLACED:
            return [{"product": 1, "quantity": 7, "units": 2}]
        order = {"status": "paid", "total_cents": 5, "user_id": 7, "items": "[]"}
        return [{"id": f"{RUN}-{n}", **order} for n in range(1, self.orders + 1)]

    async def close(self, *, timeout: float) -> None:
        raise TimeoutError

    def terminate(self) -> None:
        """Succeed."""


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    connection = Answering()

    async def connect(*_: Any, **__: Any) -> Answering:
        return connection

    monkeypatch.setattr(asyncpg, "connect", connect)
    return connection


@pytest.mark.usefixtures("answering")
def test_rows_are_kept_if_closing_fails(tmp_path: Path) -> None:
    """Rows that were read are kept if closing the connection fails afterwards."""
    collected = collect_orders("postgresql://a:b@c/d", None, RUN, tmp_path)
    assert (collected.orders, collected.why) == (1, "payments: ConnectionError: no instance is running")
    assert json.loads((tmp_path / ORDERS).read_text())["id"] == f"{RUN}-1"
    assert json.loads((tmp_path / STOCK).read_text())["sold"] == 2


def test_a_full_disk_leaves_no_half_of_the_orders(answering: Answering, tmp_path: Path) -> None:
    """On a full disk no truncated file of orders is left: a missing one is *unaudited*, a truncated
    one can't be measured."""
    answering.orders = 1000
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        fill(disk, left=16 * 1024)
        with pytest.raises(OSError, match="No space left on device"):
            collect_orders("postgresql://a:b@c/d", None, RUN, disk)
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_full_disk_leaves_no_half_of_the_ledger(
    tmp_path: Path, payments: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk no truncated file of charges is left."""
    monkeypatch.setattr(Ledger, "lines", Ledger.lines[:1] * 1000)
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        fill(disk, left=16 * 1024)
        with pytest.raises(OSError, match="No space left on device"):
            collect_orders(None, payments, RUN, disk)
        assert [path.name for path in disk.iterdir()] == ["filler"]


def bought(shop: storefront_services.Shop) -> list[Request]:
    """Orders 1 to 6, bought at the gateway, as clients recorded them."""
    requests = steadily()
    for n in range(1, 7):
        answer = shop.checkout(f"{RUN}-{n}", 40 + n, {n: 2, 100: 1})
        assert answer.status_code == 201
        requests[n].order, requests[n].total, requests[n].journey = n, answer.json()["total_cents"], "buy"
        requests[n].user, requests[n].items = 40 + n, {n: 2, 100: 1}
    return requests


NAMED: dict[str, Any] = {"two_primaries": None, "primaries": [], "two_primaries_spans": []}
"""What the audit says of databases if no answer named one."""


async def done(shop: storefront_services.Shop, *statements: str) -> None:
    connection = await asyncpg.connect(shop.database, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close(timeout=2)


@pytest.mark.system
def test_planted_faults_are_found_in_a_real_shop(shop: storefront_services.Shop, tmp_path: Path) -> None:
    """A sound shop has no anomalies; each anomaly planted by hand is detected and counted once.

    Planted are: an order deleted, one inserted twice, one charged twice, and one charged a cent too
    much. An order left by an earlier trial on this database doesn't count.
    """
    assert shop.checkout("earlier-trial-1", 7, {3: 1}).status_code == 201
    requests, address = bought(shop), ("127.0.0.1", shop.ports["payments"])
    sound = write(tmp_path / "sound", Story().begin().finish(), requests)
    collected = collect_orders(shop.database, address, RUN, sound, key=storefront_services.PAYMENTS_KEY)
    assert (collected.orders, collected.charges, collected.why) == (6, 6, "")
    audit = measure(sound)["audit"]
    assert audit.pop("acknowledged") == 6
    assert audit.pop("asynchronous_s") is None
    assert {key: audit.pop(key) for key in NAMED} == NAMED
    assert set(audit.values()) == {0}

    columns = "user_id, status, total_cents, placed_at, region, items, contact"
    copy = f"INSERT INTO orders (id, {columns}) SELECT '{RUN}-2-again', {columns} FROM orders WHERE id = '{RUN}-2'"
    cent = f"UPDATE orders SET total_cents = total_cents + 1 WHERE id = '{RUN}-4'"
    asyncio.run(done(shop, f"DELETE FROM orders WHERE id = '{RUN}-1'", copy, cent))
    ledger = shop.folder / "payments" / "ledger.jsonl"
    (again,) = [line for line in ledger.read_text().splitlines() if f'"{RUN}-3"' in line]
    with ledger.open("a", encoding="utf-8") as file:
        file.write(again + "\n")
    folder = write(tmp_path / "planted", Story().begin().finish(), requests)
    collect_orders(shop.database, address, RUN, folder, key=storefront_services.PAYMENTS_KEY)
    planted = {"lost": 1, "charged_not_kept": 1, "duplicated": 1, "charged_twice": 1, "wrong_amount": 1}
    cents = {"wrong_amount_cents": 1, "oversold": 0, "indeterminate": 0, "rpo_s": None}
    rest = {"sold_out": 0, "asynchronous_s": None}
    others = dict.fromkeys(("kept_not_charged", "wrong_customer", "wrong_basket", "stock_without_order"), 0)
    assert measure(folder)["audit"] == {"acknowledged": 6, **planted, **cents, **others, **rest, **NAMED}


@pytest.mark.system
def test_opposite_errors_in_a_real_shop_are_found(shop: storefront_services.Shop, tmp_path: Path) -> None:
    """Each of five changes by hand is found and counted once, though no sum over the shop differs.

    Planted are: a charge removed beside one made twice, an order given to another customer, five units taken of one product
    beside five sold without stock of another, and then a basket changed at the same total, which explains such units.
    """
    shop.reset()  # the orders of the test before have the same ids
    ledger = shop.folder / "payments" / "ledger.jsonl"
    requests, address = bought(shop), ("127.0.0.1", shop.ports["payments"])
    asyncio.run(
        done(
            shop,
            f"UPDATE orders SET user_id = user_id + 1 WHERE id = '{RUN}-2'",
            "UPDATE stock SET quantity = quantity - 5 WHERE product = 50",
            "UPDATE stock SET quantity = quantity + 5 WHERE product = 100",
        )
    )
    lines = list(
        dict.fromkeys(ledger.read_text().splitlines())
    )  # the third party knows the orders of that test
    (twice,) = [line for line in lines if f'"{RUN}-4"' in line]
    kept = [line for line in lines if f'"{RUN}-5"' not in line]
    ledger.write_text("\n".join([*kept, twice]) + "\n", encoding="utf-8")

    def audited(name: str) -> dict[str, Any]:
        folder = write(tmp_path / name, Story().begin().finish(), requests)
        collect_orders(shop.database, address, RUN, folder, key=storefront_services.PAYMENTS_KEY)
        return {key: value for key, value in measure(folder)["audit"].items() if value}

    found = {"acknowledged": 6, "kept_not_charged": 1, "charged_twice": 1, "wrong_customer": 1}
    assert audited("planted") == {**found, "stock_without_order": 5, "oversold": 5}
    items = json.dumps([{"product": 3, "quantity": 1}, {"product": 100, "quantity": 2}])
    asyncio.run(done(shop, f"UPDATE orders SET items = '{items}' WHERE id = '{RUN}-3'"))
    assert audited("changed")["wrong_basket"] == 1
