"""Databases of a system on fakes: they answer the statements of `postgres_admin`, each at its own
address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from gameday.ports import Instance, PortError
from gameday.system import postgres_admin
from tests.support.fake_substrate import FakeSubstrate

RANKS_FIRST = 9223372036854775807


class AddressedSubstrate(FakeSubstrate):
    """Replace the port of services that a test serves: `served` → their port."""

    def __init__(self) -> None:
        super().__init__()
        self.served: dict[str, int] = {}

    def address(self, instance: Instance) -> tuple[str, int]:
        host, port = super().address(instance)
        return host, self.served.get(instance.service, port)


@dataclass
class FakeDatabase:
    """One region's server. `received` counts bytes of the log; `waits_for` is
    synchronous_standby_names; `term` is the latest that it knows."""

    received: int = 0
    primary: bool = False
    reachable: bool = True
    standbys: int = 0
    waits_for: str = ""
    term: int = 1
    promotes: bool = True
    """False: a promotion fails."""


@dataclass
class FakeDatabases:
    """Answer `postgres_admin.query` for the databases that run on a substrate."""

    substrate: AddressedSubstrate
    of: dict[str, FakeDatabase]
    """Region → its database."""
    statements: list[tuple[str, str]] = field(default_factory=list)
    """(region, statement) of all that were executed."""
    on_promote: Callable[[], None] = lambda: None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(postgres_admin, "query", self.query)

    def query(self, url: str, statement: str, *arguments: object) -> Any:
        """Answer one statement. Raise PortError if no reachable database runs at the address."""
        region = self._region(urlsplit(url).port)
        database = self.of[region]
        self.statements.append((region, statement))
        answers: Sequence[tuple[str, Callable[[], object]]] = (
            ("SELECT pg_is_in_recovery", lambda: not database.primary),
            ("pg_last_wal_receive_lsn", lambda: RANKS_FIRST if database.primary else database.received),
            ("pg_promote", lambda: self._promote(database)),
            ("current_setting('synchronous_standby_names')", lambda: database.waits_for),
            ("ALTER SYSTEM SET synchronous_standby_names = ''", lambda: self._stop_waiting(database)),
            ("ALTER SYSTEM SET storefront.term", lambda: self._announce(database, statement)),
            ("SELECT current_setting('storefront.term'", lambda: str(database.term)),
            ("pg_reload_conf", lambda: True),
            ("SELECT pg_current_wal_lsn", lambda: "0/3000028"),
            ("application_name = $1", lambda: 1),
            ("SELECT count(*) FROM pg_stat_replication", lambda: database.standbys),
        )
        return next(answer for part, answer in answers if part in statement)()

    def _region(self, port: int | None) -> str:
        for instance in self.substrate.instances():
            addressed = instance.service == "postgres" and self.substrate.address(instance)[1] == port
            if addressed and self.of[instance.region].reachable:
                return instance.region
        raise PortError("the database failed: connection refused")

    def _promote(self, database: FakeDatabase) -> bool:
        self.on_promote()
        database.primary = database.primary or database.promotes
        return database.primary

    @staticmethod
    def _announce(database: FakeDatabase, statement: str) -> None:
        database.term = int(statement.split("'")[1])

    @staticmethod
    def _stop_waiting(database: FakeDatabase) -> None:
        database.waits_for = ""
