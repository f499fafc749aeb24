"""A storefront on loopback for tests: its services as child processes with direct addresses, no
links between.

Data is under a folder that is open to all, since as root Postgres runs as the account nobody, which
can't enter pytest's own folders.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import asyncpg
import requests

from tests.support import session_folder
from tests.support.waiting import until

COMPOSE = Path(__file__).parents[2] / "compose"
HOST = "127.0.0.1"
REGION = "us-east"
SERVICES = ("gateway", "catalog", "pricing", "identity", "checkout", "orders", "costs", "payments")
TOKEN = "operators-only"
PASSWORD, REPLICA_PASSWORD, PAYMENTS_KEY = "of-the-shop", "of-the-replicas", "of-the-merchant"
TRIES = 4
_GIVEN = set[int]()


def free_port() -> int:
    """Return a port that was free a moment ago; no port is returned twice, even if it isn't
    listened on yet."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


def listens(port: int) -> bool:
    """Return whether the port accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="storefront-test-", dir=session_folder.current()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def start(
    service: str, port: int, environment: Mapping[str, str], tree: Path = COMPOSE, release: str = ""
) -> "subprocess.Popen[bytes]":
    """Start the service as a child process and wait until it is ready; its log is on pytest's captured stderr."""
    process = launch(service, port, environment, tree, release)
    await_listening(service, port, process)
    return process


def launch(
    service: str, port: int, environment: Mapping[str, str], tree: Path = COMPOSE, release: str = ""
) -> "subprocess.Popen[bytes]":
    """Start the service as a child process.

    A launcher's runtime folder lies beside its data, so that a killed one leaves nothing behind.
    """
    if "DATA_DIR" in environment:
        environment = {"RUNTIME_DIR": f"{environment['DATA_DIR']}-runtime", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", f"storefront.{service}"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(tree),
            "HOST": HOST,
            "PORT": str(port),
            "REGION": REGION,
            "RELEASE": release or f"{service}-1.0.0",
            "INSTANCE": f"{service}-{port}",
            "OPERATOR_TOKEN": TOKEN,
            "PGPASSWORD": PASSWORD,
            "DATABASE_PASSWORD": PASSWORD,
            "REPLICA_PASSWORD": REPLICA_PASSWORD,
            "PAYMENTS_KEY": PAYMENTS_KEY,
            **environment,
        },
    )


def await_listening(service: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the service is ready. Raise AssertionError if it ends before."""
    until(lambda: listens(port) or process.poll() is not None, f"{service} listens")
    assert process.poll() is None, f"{service} ended with {process.returncode}"


def stop(process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> int:
    """Signal the process and wait for its end; return its exit status."""
    if process.poll() is None:
        process.send_signal(number)
    return process.wait(timeout=20)


def until_in_time(send: Callable[[], requests.Response]) -> requests.Response:
    """Return the answer of a request that is sent again while it times out in the shop, at most `TRIES` times.

    The shop's own time-outs are about a second, which passes if other tests keep both cores busy.
    """
    for _ in range(TRIES - 1):
        answer = send()
        if answer.status_code != HTTPStatus.GATEWAY_TIMEOUT:
            return answer
    return send()


def operate(url: str, name: str, body: Mapping[str, object] | None = None) -> Any:
    """Return the answer of an operators' endpoint, to a POST if there is a body."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.request(
        "GET" if body is None else "POST", f"{url}/_operator/{name}", json=body, headers=headers, timeout=5
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@dataclass
class Shop:
    """One region of the storefront and its third party."""

    template: Path
    folder: Path
    guardrails: str = "timeouts"
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {service: free_port() for service in (*SERVICES, "postgres")}

    @property
    def database(self) -> str:
        """Return the address of the shop's Postgres."""
        return f"postgresql://shop:{PASSWORD}@{HOST}:{self.ports['postgres']}/shop"

    def url(self, service: str) -> str:
        """Return the address of a service."""
        return f"http://{HOST}:{self.ports[service]}"

    def start(self, service: str, tree: Path = COMPOSE, release: str = "") -> None:
        """Start a service that isn't running, of that release."""
        environment = self._environment(service)
        self.running[service] = start(service, self.ports[service], environment, tree, release)

    def start_all(self) -> None:
        """Start the database, then all services at once."""
        self.start("postgres")
        for service in SERVICES:
            self.running[service] = launch(service, self.ports[service], self._environment(service))
        for service in SERVICES:
            await_listening(service, self.ports[service], self.running[service])

    def stop(self, service: str) -> None:
        """Stop a running service."""
        stop(self.running.pop(service))

    def close(self) -> None:
        """Stop everything, Postgres last."""
        for service in reversed(self.running):
            self.running[service].send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(timeout=20)

    @contextlib.contextmanager
    def released(self, service: str, tree: Path, release: str) -> Iterator[None]:
        """Run another release of a service in place of the first."""
        self.stop(service)
        try:
            self.start(service, tree, release)
            yield
        finally:
            if service in self.running:  # it isn't if the release can't start
                self.stop(service)
            self.start(service)

    def _environment(self, service: str) -> dict[str, str]:
        peers = {f"{name.upper()}_URL": self.url(name) for name in SERVICES}
        own = {"DATABASE_URL": self.database, "TOKEN_SECRET": "secret", **peers}
        own["GUARDRAILS"] = self.guardrails
        own["DATA_DIR"] = str(self.folder / service)
        own["TEMPLATE_DIR"] = str(self.template)
        return own

    def reset(self) -> None:
        """Bring orders and stock back to those of the template; AssertionError if a service isn't running."""
        ended = [service for service, process in self.running.items() if process.poll() is not None]
        missing = {"postgres", *SERVICES} - set(self.running)
        assert not ended, f"ended: {ended}"
        assert not missing, f"stopped: {missing}"
        sql(self, "DELETE FROM orders WHERE id NOT LIKE 'past-%'")
        sql(self, "UPDATE stock SET quantity = 1000000 WHERE quantity <> 1000000")

    def operate(self, service: str, name: str, body: Mapping[str, object] | None = None) -> Any:
        """Return the answer of an operators' endpoint of a service."""
        return operate(self.url(service), name, body)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET to the gateway, again if it times out there."""
        return until_in_time(lambda: requests.get(self.url("gateway") + path, timeout=5, **options))

    def metrics(self, service: str) -> str:
        """Return the metrics of a service in Prometheus' text format."""
        return requests.get(self.url(service) + "/metrics", timeout=5).text

    def login(self, user: int, password: str) -> requests.Response:
        """Log in at the gateway, again if it times out there."""
        body = {"user": user, "password": password}
        return until_in_time(lambda: requests.post(self.url("gateway") + "/login", json=body, timeout=5))

    def checkout(self, key: str, user: int, items: Mapping[int, int]) -> requests.Response:
        """Check out `items` (product → quantity) at the gateway, again if it times out there."""
        return until_in_time(lambda: self.checkout_once(key, user, items))

    def checkout_once(self, key: str, user: int, items: Mapping[int, int]) -> requests.Response:
        """Check out `items` (product → quantity) at the gateway, once."""
        listed = [{"product": product, "quantity": quantity} for product, quantity in items.items()]
        body, headers = {"user": user, "items": listed}, {"Idempotency-Key": key}
        return requests.post(self.url("gateway") + "/checkout", json=body, headers=headers, timeout=5)

    def charges(self, key: str) -> list[int]:
        """Return the charges in the third party's ledger under that key, in cents."""
        headers = {"Authorization": f"Bearer {PAYMENTS_KEY}"}
        lines = requests.get(self.url("payments") + "/ledger", headers=headers, timeout=5).text.splitlines()
        return [charge["amount_cents"] for charge in map(json.loads, lines) if charge["order_id"] == key]


@contextlib.contextmanager
def shop(template: Path, guardrails: str = "timeouts") -> Iterator[Shop]:
    """Yield a whole shop, ready, with these guardrails."""
    with open_folder() as folder:
        running = Shop(template, folder, guardrails)
        try:
            running.start_all()
            yield running
        finally:
            running.close()


def right_prices() -> dict[int, int]:
    """Return the price of every product by the rule, computed without the storefront's own code."""
    products = json.loads((COMPOSE / "storefront/data/products.json").read_text(encoding="utf-8"))
    return {
        product["id"]: product["list_cents"]
        - (product["list_cents"] * product["discount_bp"] + 5000) // 10000
        for product in products
    }


def sql(shop: Shop, statement: str, *arguments: object) -> Any:
    """Return one value from the shop's database."""

    async def ask() -> Any:
        connection = await asyncpg.connect(shop.database, timeout=5, command_timeout=5)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close(timeout=5)

    return asyncio.run(ask())
