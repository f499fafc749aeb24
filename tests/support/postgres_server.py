"""A bare Postgres server on loopback for tests: no data, few connection slots."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from storefront.binaries import Account, binaries
from tests.support.storefront_services import HOST, free_port, open_folder
from tests.support.waiting import until


@contextlib.contextmanager
def server(connections: int, *, standby: bool = False, data: Path | None = None) -> Iterator[str]:
    """Yield the server's postgresql:// address. A standby has no primary; it must allow 100
    connections, as the server that made its data did. `data` is an empty folder for its data, else one is made."""
    account, port = Account.fitting(), free_port()
    with open_folder() as folder:
        data = data or folder / "data"
        data.mkdir(exist_ok=True)
        account.own(data)
        tools = binaries(account)
        account.run(tools / "initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync")
        if standby:
            (data / "standby.signal").touch()
            account.own(data / "standby.signal", 0o600)
        slots = ["-c", f"max_connections={connections}", "-c", f"max_wal_senders={10 if standby else 0}"]
        process = subprocess.Popen(
            [str(tools / "postgres"), "-D", str(data), "-h", HOST, "-p", str(port), "-k", "", *slots],
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            cwd="/",
        )
        try:
            url = f"postgresql://shop@{HOST}:{port}/postgres"
            until(lambda: asyncio.run(_answers(url)), "Postgres lets clients in")
            yield url
        finally:
            # Fast: it ends the connections that stand.
            process.send_signal(signal.SIGINT)
            process.wait(20)


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5, ssl=False)
    except (OSError, asyncpg.CannotConnectNowError):
        return False
    await connection.close()
    return True
