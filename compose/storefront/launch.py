"""Configuration of one start of a database, from its environment.

HOST, PORT, REGION, DATA_DIR, TEMPLATE_DIR; the operators' order: PRIMARY, the region that leads (its own if not given),
PRIMARY_TERM, FIRST_START=yes if the system is new, STOPPED_REGIONS, whose databases are known not to run; DATABASES, the
peers in other regions; REPLICATION, `async` or `sync`; REPLICATION_DELAY, the seconds between regions; BACKUP_URL;
DATABASE_PASSWORD and REPLICA_PASSWORD, see `roles`; RUNTIME_DIR, where the socket lies.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .binaries import Account
from .leadership import Order, Times
from .replication import Place, places
from .runtime import with_password
from .settings import Settings, address


@dataclass(frozen=True)
class Launch:
    """Configuration of one database and the account it runs as. `peers` are the databases of the other regions.

    `runtime` is the folder of its socket and password file, closed to other accounts.
    """

    settings: Settings
    data: Path
    template: Path
    runtime: Path
    account: Account
    order: Order
    peers: tuple[Place, ...]
    synchronous: bool
    backup: str
    times: Times

    @classmethod
    def from_environment(cls, runtime: Path, account: Account) -> "Launch":
        """Raise SystemExit if the data directory isn't given or can't be reached."""
        settings = Settings.from_environment("postgres")
        data = Path(address("DATA_DIR")).resolve()
        if not account.reaches(data):
            raise SystemExit(
                f"{data} cannot be reached by user {account.uid}, as which Postgres runs if started by root"
            )
        return cls(
            settings=settings,
            data=data,
            template=Path(os.environ.get("TEMPLATE_DIR", "")),
            runtime=runtime,
            account=with_password(account, runtime),
            order=order_for(settings.region),
            peers=tuple(
                peer for peer in places(os.environ.get("DATABASES", "")) if peer.region != settings.region
            ),
            synchronous=os.environ.get("REPLICATION", "async") == "sync",
            backup=os.environ.get("BACKUP_URL", "").rstrip("/"),
            times=Times(float(os.environ.get("REPLICATION_DELAY") or 0)),
        )

    @property
    def region(self) -> str:
        return self.settings.region

    def say(self, text: str) -> None:
        """Write a line to the instance's log, where the server logs too."""
        print(f"{self.settings.instance}: {text}", file=sys.stderr, flush=True)  # noqa: T201


def order_for(region: str) -> Order:
    """Return the operators' order for a start of that region's database, from the environment."""
    return Order(
        term=int(os.environ.get("PRIMARY_TERM") or 1),
        primary=os.environ.get("PRIMARY") or region,
        new=os.environ.get("FIRST_START", "") == "yes",
        stopped=frozenset(filter(None, os.environ.get("STOPPED_REGIONS", "").split(","))),
    )
