"""The template: a Postgres data directory, preloaded and cleanly shut down, that every database starts from.

`python -m storefront.seed DIR` builds it at DIR, unless it is there; `--key` prints the key of what would be
built, for a cache to name the folder by. The same key always means the same rows. Safe against being cut
short and against two at a time: the folder appears by a rename, complete. The rows themselves are in `rows`.
"""

import argparse
import asyncio
import hashlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from subprocess import Popen

import asyncpg

from . import products, roles, rows
from .binaries import PACKAGE, Account, binaries, settle
from .database import connected
from .roles import OWNER, SUPERUSER

HERE = Path(__file__).parent
INGREDIENTS = (
    "seed.py",
    "roles.py",
    "rows.py",
    "products.py",
    "pricing.py",
    "identity.py",
    "schema.sql",
    "indexes.sql",
)
# The server that fills the template listens on no network: this only names its socket.
PORT = 5432

# For good, in postgresql.conf: replicas and pg_rewind want their share of these before the first start.
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "'128MB'",
    "wal_level": "replica",
    "wal_log_hints": "on",
    "wal_keep_size": "'256MB'",
    "max_wal_senders": "10",
    "max_replication_slots": "10",
    "min_wal_size": "'32MB'",
    "synchronous_commit": "on",
    # After a crash or a copy: one call for the whole file system in place of one for each of a thousand files.
    "recovery_init_sync_method": "syncfs",
    # A standby that lost its primary asks again at once, and neither side waits long for a peer that fell silent.
    "wal_retrieve_retry_interval": "'200ms'",
    "wal_receiver_status_interval": "'1s'",
    "wal_receiver_timeout": "'4s'",
    "wal_sender_timeout": "'4s'",
    # One query, one core: how long a query takes then depends on the query, not on how many cores are free.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}
# While loading: the template is thrown away when anything fails, so nothing has to survive a crash.
LOADING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "autovacuum": "off",
    "log_min_messages": "fatal",
    # As little of the log as can be stays behind in the template.
    "wal_keep_size": "0",
    "min_wal_size": "8MB",
    "max_wal_size": "8MB",
}


def template_key() -> str:
    """Return sixteen hex digits that change with anything that the template is made from."""
    digest = hashlib.sha256(version(PACKAGE).encode())
    for name in (*(HERE / ingredient for ingredient in INGREDIENTS), products.PATH):
        digest.update(name.read_bytes())
    return digest.hexdigest()[:16]


def build(template: Path) -> None:
    """Build the template at that folder, unless it is there. Raise RuntimeError if Postgres fails."""
    if template.exists():
        return
    account = Account.fitting()
    # Under a folder that is open to all, for the template's own may be closed to the account.
    with tempfile.TemporaryDirectory(prefix="storefront-seed-") as made:
        work, data = Path(made), Path(made, "data")
        work.chmod(0o711)
        data.mkdir()
        sockets = work / "sockets"
        sockets.mkdir()
        account.own(sockets)
        _initialise(data, account)
        _load(data, account, sockets)
        template.parent.mkdir(parents=True, exist_ok=True)
        near = Path(tempfile.mkdtemp(prefix=f".{template.name}-", dir=template.parent))
        shutil.copytree(data, near, dirs_exist_ok=True)
        settle(near, template)


def _initialise(data: Path, account: Account) -> None:
    account.own(data)
    account.run(
        binaries(account) / "initdb", "-D", data, "-U", SUPERUSER, "-A", "reject",
        "--encoding", "UTF8", "--locale", "C", "--no-sync", "--wal-segsize", "4",
        "-c", f"scram_iterations={roles.SCRAM_ROUNDS}",
    )  # fmt: skip
    lines = [f"{name} = {value}" for name, value in SETTINGS.items()]
    with (data / "postgresql.conf").open("a", encoding="ascii") as file:
        file.write("\n".join(["", "# storefront", *lines, ""]))
    (data / "pg_hba.conf").write_text("\n".join([*roles.ACCESS, ""]), encoding="ascii")


def _load(data: Path, account: Account, sockets: Path) -> None:
    settings = [part for name, value in LOADING.items() for part in ("-c", f"{name}={value}")]
    with _running(data, account, sockets, settings):
        asyncio.run(_fill(sockets))
    # As it is to run: from a log that says less than a standby wants to hear, none would start.
    with _running(data, account, sockets, []):
        asyncio.run(_settled(sockets))


@contextmanager
def _running(data: Path, account: Account, sockets: Path, settings: list[str]) -> Iterator[None]:
    """Run a server on that data, reachable by its socket alone; end it cleanly."""
    server = binaries(account) / "postgres"
    running = account.start(server, "-D", data, "-h", "", "-p", str(PORT), "-k", sockets, *settings)
    try:
        yield
    finally:
        _stop(running)


def _stop(running: "Popen[bytes]") -> None:
    running.send_signal(signal.SIGINT)
    if running.wait(timeout=30):
        raise RuntimeError(f"postgres ended with status {running.returncode}")


async def _fill(sockets: Path) -> None:
    url = roles.socket_url(sockets, PORT, "postgres")
    async with connected(url, connections=1) as opened, opened.connection() as connection:
        for statement in roles.CREATE:
            await connection.execute(statement)
    plain = await asyncpg.connect(roles.socket_url(sockets, PORT), timeout=5, command_timeout=60)
    try:
        # Rows copied in the transaction that creates their table need no log.
        async with plain.transaction():
            await plain.execute(f"SET LOCAL ROLE {OWNER}")
            await plain.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
            for table, records in rows.tables().items():
                await plain.copy_records_to_table(table, records=records)
            await plain.execute((HERE / "indexes.sql").read_text(encoding="utf-8"))
        for statement in (*roles.GRANTS, "VACUUM ANALYZE"):
            await plain.execute(statement)
        # These are half of the template's files and of the time to copy it; no other database is ever made.
        for unused in (
            "ALTER DATABASE template0 IS_TEMPLATE false",
            "DROP DATABASE template0",
            "DROP DATABASE postgres",
        ):
            await plain.execute(unused)
    finally:
        await plain.close(timeout=5)


async def _settled(sockets: Path) -> None:
    async with connected(roles.socket_url(sockets, PORT), connections=1):
        pass


def main(arguments: list[str] | None = None) -> None:
    """Build a template, or print the key it would have."""
    parser = argparse.ArgumentParser(prog="python -m storefront.seed", description=__doc__.split("\n")[0])
    parser.add_argument("template", nargs="?", type=Path, help="folder to build the template at")
    parser.add_argument("--key", action="store_true", help="print the template's key and build nothing")
    chosen = parser.parse_args(arguments)
    if chosen.key:
        sys.stdout.write(template_key() + "\n")
    elif chosen.template is None:
        parser.error("a folder is needed")
    else:
        build(chosen.template.resolve())


if __name__ == "__main__":
    main()
