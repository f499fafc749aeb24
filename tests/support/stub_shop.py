"""A stub shop in a thread, as the load's target: right answers, and ways to make them wrong, late
or missing."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from aiohttp import web

PRODUCTS = [
    {"id": n, "name": f"product {n}", "list_cents": 1000 + 7 * n, "discount_bp": 250 * (n % 5)}
    for n in range(1, 41)
]
WITHIN_S = 10.0
DRIP_S = 0.05
MOST_DRIPS = 40


def price(one: dict[str, Any]) -> int:
    return int(one["list_cents"] - (one["list_cents"] * one["discount_bp"] + 5000) // 10000)


class Shop:
    """Ways to fail: prices of `wrong` products; `down`: 503; `stall_until`: late; `closing`: no
    answer.

    `tired`: a connection that gave an answer is closed at the next request, unanswered. `closed`
    counts both closings. `dripping`: an answer that comes byte by byte, for longer than any time-
    out. `shy`: how many times a checkout is refused before it is accepted; `slow`: seconds that
    every refusal takes. `queueing`: checkouts are paid later. `asked` counts requests.
    """

    def __init__(self) -> None:
        self.wrong: set[int] = set()
        self.down = False
        self.closing = False
        self.tired = False
        self.dripping = False
        self.closed = 0
        self.served: WeakSet[asyncio.BaseTransport] = WeakSet()
        self.stall_until = 0.0
        self.shy = 0
        self.slow = 0.0
        self.queueing = False
        self.asked = 0
        self.keys: Counter[str] = Counter()
        self.orders: dict[str, int] = {}
        self.homes: set[str] = set()
        self.attempts: set[tuple[str, str]] = set()
        self.url = ""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/products/{id}", self.product),
            web.post("/login", self.login),
            web.get("/account", self.account),
            web.post("/checkout", self.checkout),
            web.get("/orders", self.history),
            web.get("/costs", self.costs),
        ]

    @web.middleware
    async def around(self, request: web.Request, handler: Any) -> web.StreamResponse:
        await asyncio.sleep(max(0.0, self.stall_until - time.monotonic()))
        self.asked += 1
        self.homes.add(request.headers["X-Home-Region"])
        self.attempts.add((request.headers["X-Client"], request.headers["X-Attempt"]))
        if self.dripping:
            return await self.drip(request)
        connection = request.transport
        if connection is None or self.closing or (self.tired and connection in self.served):
            self.closed += 1
            if connection is not None:
                connection.close()
            return web.Response()
        self.served.add(connection)
        answer: web.StreamResponse = web.json_response({"error": "down"}, status=503)
        if self.down or self.is_shy(request.headers.get("Idempotency-Key")):
            await asyncio.sleep(self.slow)
        else:
            answer = await handler(request)
        answer.headers["X-Region"] = request.headers["X-Home-Region"]
        answer.headers["X-Release"] = "gateway-1.0.0 shop-1.0.0"
        return answer

    def is_shy(self, key: str | None) -> bool:
        """Count an order's attempts; return whether this one is refused."""
        if key is None:
            return False
        self.keys[key] += 1
        return self.keys[key] <= self.shy

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """Send an answer that never ends."""
        answer = web.StreamResponse()
        with suppress(ConnectionError):
            await answer.prepare(request)
            for _ in range(MOST_DRIPS):
                await answer.write(b" ")
                await asyncio.sleep(DRIP_S)
        return answer

    def _price(self, product: int) -> int:
        return price(PRODUCTS[product - 1]) + (1 if product in self.wrong else 0)

    async def product(self, request: web.Request) -> web.Response:
        n = int(request.match_info["id"])
        return web.json_response({"id": n, "price_cents": self._price(n), "currency": "USD", "stock": 9})

    async def login(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert asked["password"] == f"pw-{asked['user']}"
        return web.json_response({"user": asked["user"], "token": f"t{asked['user']}"})

    async def account(self, request: web.Request) -> web.Response:
        return web.json_response({"user": int(request.headers["Authorization"].removeprefix("Bearer t"))})

    async def checkout(self, request: web.Request) -> web.Response:
        asked, key = await request.json(), request.headers["Idempotency-Key"]
        total = sum(self._price(item["product"]) * item["quantity"] for item in asked["items"])
        self.orders[key] = self.orders.get(key, 0) + 1
        status = "queued" if self.queueing else "paid"
        answer = {"order_id": key, "total_cents": total, "status": status}
        return web.json_response(answer, status=202 if self.queueing else 201)

    async def costs(self, request: web.Request) -> web.Response:
        days = [{"day": f"2026-01-{n:02}", "cents": 100 + n} for n in range(1, 4)]
        region = request.headers["X-Home-Region"]
        return web.json_response({"region": region, "currency": "USD", "days": days, "total_cents": 306})

    async def history(self, request: web.Request) -> web.Response:
        orders = [{"id": str(n), "total_cents": 100, "placed_at": f"2026-01-{30 - n:02}"} for n in range(10)]
        return web.json_response({"user": int(request.query["user"]), "orders": orders})

    async def serve(self, listener: socket.socket, ready: threading.Event, stop: asyncio.Event) -> None:
        application = web.Application(middlewares=[self.around])
        application.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready.set()
        await stop.wait()
        await runner.cleanup()


@contextmanager
def open_shop() -> Iterator[Shop]:
    """Serve a shop on a free port of loopback."""
    shop, ready = Shop(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    shop.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(shop.serve(listener, ready, stop),))
    thread.start()
    try:
        assert ready.wait(WITHIN_S)
        yield shop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WITHIN_S)
        loop.close()


def write_products(path: Path) -> Path:
    path.write_text(json.dumps(PRODUCTS), encoding="utf-8")
    return path
