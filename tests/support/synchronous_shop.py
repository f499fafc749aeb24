"""A shop on databases of two regions that replicate synchronously, for tests: checkout, orders, pricing and payments."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support import storefront_regions, storefront_services
from tests.support.storefront_regions import Databases
from tests.support.storefront_services import HOST, PAYMENTS_KEY
from tests.support.waiting import until

US, EU, _ = storefront_regions.REGIONS
SERVICES = ("pricing", "payments", "checkout", "orders")


@dataclass
class SynchronousShop:
    """The databases of two regions, `US` the primary at the start, and one instance of each service in `US`."""

    databases: Databases
    folder: Path
    guardrails: str = "timeouts"
    mode: str = "sync"
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {service: storefront_services.free_port() for service in SERVICES}

    def url(self, service: str) -> str:
        """Return the address of a service."""
        return f"http://{HOST}:{self.ports[service]}"

    def start(self, service: str, **extra: str) -> None:
        """Start a service."""
        environment = {
            "DATABASE_URL": self.databases.client_urls,
            "PRICING_URL": self.url("pricing"),
            "PAYMENTS_URL": self.url("payments"),
            "DATA_DIR": str(self.folder / service),
            "GUARDRAILS": self.guardrails,
            "REPLICATION": self.mode,
            **extra,
        }
        self.running[service] = storefront_services.start(service, self.ports[service], environment)

    def stop(self, service: str) -> None:
        """Stop a running service."""
        storefront_services.stop(self.running.pop(service))

    def close(self) -> None:
        """Stop every service."""
        for service in list(self.running):
            self.stop(service)

    def checkout(self, key: str, items: dict[int, int] | None = None, user: int = 1) -> requests.Response:
        """Check out a basket, by default one of product 1."""
        listed = [{"product": product, "quantity": n} for product, n in (items or {1: 1}).items()]
        return requests.post(
            self.url("checkout") + "/checkout",
            json={"user": user, "items": listed},
            headers={"Idempotency-Key": key},
            timeout=5,
        )

    def charges(self, key: str) -> list[int]:
        """Return the charges of an order in the third party's ledger, in cents."""
        headers = {"Authorization": f"Bearer {PAYMENTS_KEY}"}
        lines = requests.get(self.url("payments") + "/ledger", headers=headers, timeout=5).text.splitlines()
        return [charge["amount_cents"] for charge in map(json.loads, lines) if charge["order_id"] == key]

    def status(self, key: str, region: str = US) -> str | None:
        """Return the order's status in a region's database; None if it isn't there, or not visible."""
        status: str | None = self.databases.ask(region, "SELECT status FROM orders WHERE id = $1", key)
        return status

    def metric(self, name: str, service: str = "checkout") -> float:
        """Return the sum of a metric of a service."""
        text = requests.get(self.url(service) + "/metrics", timeout=5).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        )

    def waits(self, region: str = US) -> bool:
        """Return True if commits of that database wait for a standby."""
        return bool(
            self.databases.ask(
                region,
                "SELECT current_setting('synchronous_standby_names') <> ''"
                " AND EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'quorum')",
            )
        )


@contextlib.contextmanager
def synchronous_shop(
    template: Path, guardrails: str = "timeouts", mode: str = "sync"
) -> Iterator[SynchronousShop]:
    """Yield a shop whose primary waits for its standby."""
    with storefront_regions.databases(template, (US, EU), REPLICATION=mode) as databases:
        shop = SynchronousShop(databases, databases.folder / "shop", guardrails, mode)
        if mode == "sync":
            until(shop.waits, "the primary waits for its standby")
        try:
            for service in SERVICES:
                shop.start(service)
            yield shop
        finally:
            shop.close()
