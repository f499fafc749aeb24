"""Databases of several regions on loopback for tests: each with its launcher and a direct address,
no links between."""

import asyncio
import contextlib
import functools
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from gameday.ports import PortError
from gameday.substrates.process import shared_memory
from gameday.system import postgres_admin
from gameday.system.leadership.leadership_record import Leadership
from storefront.replication import LOST, PROGRESS
from tests.support import link_servers, storefront_services
from tests.support.storefront_services import HOST, PASSWORD
from tests.support.waiting import until

REGIONS = ("us-east", "eu-west", "me-central")
PLACE_ORDER = """
    INSERT INTO orders (id, user_id, status, total_cents, placed_at, region, items, contact)
    VALUES ($1, 1, 'paid', 1, now(), 'us-east', '[]', '{}')
"""


@dataclass
class Databases:
    """Launchers by region; the first region's database is the primary at the start.

    Starts and promotions carry orders as an operator's do.
    """

    template: Path
    folder: Path
    regions: tuple[str, ...]
    extra: dict[str, str] = field(default_factory=dict)
    """More of the launchers' environment."""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    """Regions whose database was started before."""

    def __post_init__(self) -> None:
        self.leadership = Leadership(self.regions[0])
        self.ports = {region: storefront_services.free_port() for region in self.regions}

    def url(self, region: str) -> str:
        """Return the address of a region's database."""
        return f"postgresql://shop:{PASSWORD}@{HOST}:{self.ports[region]}/shop"

    @property
    def client_urls(self) -> str:
        """Return all addresses as a service reaches them."""
        return ",".join(f"{region}={self.url(region)}" for region in self.regions)

    @property
    def urls(self) -> str:
        """Return all addresses as a link variable of databases and backups has them."""
        return ",".join(
            f"{region}=postgresql://replica@{HOST}:{self.ports[region]}/shop" for region in self.regions
        )

    def data(self, region: str) -> Path:
        """Return the data directory of a region."""
        return self.folder / region

    def start(self, region: str) -> None:
        """Start a region's database; return once it answers queries."""
        environment = {
            "REGION": region,
            "DATABASES": self.urls,
            "DATA_DIR": str(self.data(region)),
            "TEMPLATE_DIR": str(self.template),
            **self.leadership.order(
                new=region not in self.started, stopped=set(self.regions) - set(self.processes) - {region}
            ),
            **self.extra,
        }
        self.started.add(region)
        self.processes[region] = storefront_services.start("postgres", self.ports[region], environment)
        until(lambda: self.answers(region), f"{region} answers")

    def kill(self, region: str) -> None:
        """Send SIGKILL to the launcher and every process under it; remove the database's shared
        memory."""
        launched = self.processes.pop(region)
        launcher = psutil.Process(launched.pid)
        tree = [launcher, *launcher.children(recursive=True)]
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        launched.wait(timeout=20)
        psutil.wait_procs(tree, timeout=20)
        shared_memory.remove_of(self.data(region))

    def pause(self, region: str, number: signal.Signals = signal.SIGSTOP) -> None:
        """Freeze (or, with SIGCONT, thaw) everything under the launcher."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.processes[region].pid).children(recursive=True):
                process.send_signal(number)

    def destroy(self, region: str) -> None:
        """Remove the volume."""
        shutil.rmtree(self.data(region))

    def promote(self, region: str) -> None:
        """Promote the database as an operator does; every running one learns of the term."""
        self.leadership = self.leadership.given_to(region)
        for other in sorted(self.processes, key=lambda other: other == region):
            with contextlib.suppress(PortError):
                postgres_admin.announce_term(self.url(other), self.leadership.term)
        assert self.ask(region, "SELECT pg_promote(true, 10)") is True

    def ask(self, region: str, statement: str, *arguments: object) -> Any:
        """Return the first value of the first row."""
        return asyncio.run(_value(self.url(region), statement, arguments))

    def answers(self, region: str) -> bool:
        """Return whether the database answers queries."""
        with contextlib.suppress(TimeoutError, asyncpg.PostgresError, *LOST):
            return bool(self.ask(region, "SELECT true"))
        return False

    def follows(self, region: str) -> bool:
        """Return whether the database is a standby."""
        try:
            return self.answers(region) and self.ask(region, "SELECT pg_is_in_recovery()") is True
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # it restarts between the two questions

    def place(self, region: str, order: str) -> None:
        """Write an order."""
        self.ask(region, PLACE_ORDER, order)

    def orders(self, region: str) -> set[str]:
        """Return the ids of the orders that weren't preloaded; empty if the database can't be
        reached now."""
        if not self.answers(region):
            return set()
        query = "SELECT coalesce(array_agg(id), '{}') FROM orders WHERE id NOT LIKE 'past-%'"
        return set(self.ask(region, query))

    def caught_up(self, primary: str, standby: str) -> bool:
        """Return whether the standby has caught up, by the rows that an operator would look at."""
        if not (self.answers(primary) and self.answers(standby)):
            return False
        rows = asyncio.run(_rows(self.url(primary), PROGRESS))
        return any(
            (row["region"], row["state"]) == (standby, "streaming") and row["behind"] == 0 for row in rows
        )

    def await_caught_up(self, primary: str, *standbys: str) -> None:
        """Wait until each of them has caught up."""
        for standby in standbys:
            caught_up = functools.partial(self.caught_up, primary, standby)
            until(caught_up, f"{standby} follows {primary}")

    def close(self) -> None:
        """Stop every database cleanly, also a frozen one."""
        for region in self.processes:
            self.pause(region, signal.SIGCONT)
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(timeout=20)


async def _value(url: str, statement: str, arguments: tuple[object, ...]) -> Any:
    connection = await asyncpg.connect(url, timeout=2, command_timeout=15)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        connection.terminate()


async def _rows(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url, timeout=2, command_timeout=15)
    try:
        return await connection.fetch(statement)
    finally:
        connection.terminate()


def far_apart(databases: Databases, server: link_servers.Server, delay: float) -> dict[str, str]:
    """Delay what databases send one another; return the variables by which they know."""
    urls = []
    for region in databases.regions:
        proxy = server.proxy(databases.ports[region])
        for stream in ("upstream", "downstream"):
            proxy.add("latency", stream, latency=round(delay * 1000))
        urls.append(f"{region}=postgresql://replica@{HOST}:{proxy.port}/shop")
    return {"DATABASES": ",".join(urls), "REPLICATION_DELAY": str(delay)}


@contextlib.contextmanager
def databases(
    template: Path, regions: tuple[str, ...] = REGIONS, delay: float = 0.0, **extra: str
) -> Iterator[Databases]:
    """Yield databases of these regions, all started and streaming from the first; `delay` seconds apart."""
    with storefront_services.open_folder() as folder, contextlib.ExitStack() as stack:
        databases = Databases(template, folder, regions, extra)
        if delay:
            databases.extra |= far_apart(databases, stack.enter_context(link_servers.running()), delay)
        try:
            for region in regions:
                databases.start(region)
            databases.await_caught_up(regions[0], *regions[1:])
            yield databases
        finally:
            databases.close()
