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
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from subprocess import Popen

import asyncpg

from . import products, rows
from .binaries import PACKAGE, Account, binaries, settle
from .database import connected

HERE = Path(__file__).parent
INGREDIENTS = ("seed.py", "rows.py", "products.py", "pricing.py", "identity.py", "schema.sql", "indexes.sql")
NAME = "shop"
HOST = "127.0.0.1"

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
ACCESS = ("host all all all scram-sha-256", "host replication all all scram-sha-256")
# Postgres' own default of 4096 would cost each new connection some milliseconds; the password is no secret here.
SCRAM_ROUNDS = 128


def template_key() -> str:
    """Sixteen hex digits that change with anything the template is made from."""
    digest = hashlib.sha256(version(PACKAGE).encode())
    for name in (*(HERE / ingredient for ingredient in INGREDIENTS), products.PATH):
        digest.update(name.read_bytes())
    return digest.hexdigest()[:16]


def build(template: Path) -> None:
    """Build the template at that folder, unless it is there. RuntimeError where Postgres can't be made to."""
    if template.exists():
        return
    account = Account.fitting()
    # Under a folder that is open to all, for the template's own may be closed to the account.
    with tempfile.TemporaryDirectory(prefix="storefront-seed-") as made:
        work, data = Path(made), Path(made, "data")
        work.chmod(0o711)
        data.mkdir()
        _initialise(data, account, Path(made, "password"))
        _load(data, account)
        template.parent.mkdir(parents=True, exist_ok=True)
        near = Path(tempfile.mkdtemp(prefix=f".{template.name}-", dir=template.parent))
        shutil.copytree(data, near, dirs_exist_ok=True)
        settle(near, template)


def _initialise(data: Path, account: Account, password: Path) -> None:
    password.write_text(NAME, encoding="ascii")
    password.chmod(0o644)
    account.own(data)
    account.run(
        binaries(account) / "initdb", "-D", data, "-U", NAME, "--pwfile", password, "-A", "scram-sha-256",
        "--encoding", "UTF8", "--locale", "C", "--no-sync", "--wal-segsize", "4",
        "-c", f"scram_iterations={SCRAM_ROUNDS}",
    )  # fmt: skip
    lines = [f"{name} = {value}" for name, value in SETTINGS.items()]
    with (data / "postgresql.conf").open("a", encoding="ascii") as file:
        file.write("\n".join(["", "# storefront", *lines, ""]))
    with (data / "pg_hba.conf").open("a", encoding="ascii") as file:
        file.write("\n".join(["", *ACCESS, ""]))


def _load(data: Path, account: Account) -> None:
    port = _free_port()
    settings = [part for name, value in LOADING.items() for part in ("-c", f"{name}={value}")]
    with _running(data, account, port, settings) as server:
        asyncio.run(_fill(server))
    # As it is to run: from a log that says less than a standby wants to hear, none would start.
    with _running(data, account, port, []) as server:
        asyncio.run(_settled(server))


@contextmanager
def _running(data: Path, account: Account, port: int, settings: list[str]) -> Iterator[str]:
    """A server on that data, ended cleanly; its address without a database."""
    server = binaries(account) / "postgres"
    running = account.start(server, "-D", data, "-h", HOST, "-p", str(port), "-k", "", *settings)
    try:
        yield f"postgresql://{NAME}:{NAME}@{HOST}:{port}"
    finally:
        _stop(running)


def _stop(running: "Popen[bytes]") -> None:
    running.send_signal(signal.SIGINT)
    if running.wait(timeout=30):
        raise RuntimeError(f"postgres ended with status {running.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _fill(server: str) -> None:
    async with connected(f"{server}/postgres", connections=1) as opened, opened.connection() as connection:
        await connection.execute(f"CREATE DATABASE {NAME} STRATEGY file_copy")
    plain = await asyncpg.connect(f"{server}/{NAME}", timeout=5, command_timeout=60)
    try:
        # Rows copied in the transaction that creates their table need no log.
        async with plain.transaction():
            await plain.execute((HERE / "schema.sql").read_text(encoding="utf-8"))
            for table, records in rows.tables().items():
                await plain.copy_records_to_table(table, records=records)
            await plain.execute((HERE / "indexes.sql").read_text(encoding="utf-8"))
        await plain.execute("VACUUM ANALYZE")
        # Half of the files of the template, and of the time that copying it takes; nobody makes databases here.
        for unused in (
            "ALTER DATABASE template0 IS_TEMPLATE false",
            "DROP DATABASE template0",
            "DROP DATABASE postgres",
        ):
            await plain.execute(unused)
    finally:
        await plain.close(timeout=5)


async def _settled(server: str) -> None:
    async with connected(f"{server}/{NAME}", connections=1):
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
