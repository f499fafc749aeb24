"""Backup service: copies of the primary's data at intervals, kept outside the regions and served over HTTP.

DATABASES are the databases of all regions, BACKUP_EVERY the seconds between two backups, DATA_DIR the folder that keeps
the newest one. The first is made as soon as a database takes writes. The launcher of the database restores them.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import Popen

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from . import operators, serving
from .binaries import Account, binaries
from .leadership import leader
from .problems import Problem
from .replication import Place, places, plain_conninfo, survey
from .runtime import runtime_folder, with_password
from .settings import Settings, address
from .supervision import supervised

EVERY_S = 30.0
RETRY_S = 0.5
LIMIT_S = 60.0
# Bytes a second, as pg_basebackup writes them: a backup must not take the network or a core to itself.
RATE = "64M"


class Backups:
    """Makes backups and serves the newest."""

    def __init__(self, folder: Path, databases: Sequence[Place], token: str, account: Account) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._newest = folder / "base.tar"
        self._next = folder / "next.tar"
        self._databases = databases
        self._token = token
        self._account = account

    async def base(self, request: Request) -> Response:
        """GET /base.tar: return the newest backup, a data directory as a tar file with the log it needs; 404 before the first.

        401 without the operators' token.
        """
        operators.demand(request, self._token, "a backup is for operators only")
        if not self._newest.exists():
            raise Problem(404, "there is no backup yet")
        return FileResponse(self._newest, media_type="application/x-tar")

    async def keep_making(self, every_s: float) -> None:
        """Make backups until cancelled."""
        while True:
            await asyncio.sleep(every_s if await self.make() else RETRY_S)

    async def make(self) -> bool:
        """Back the primary up; return True if that succeeded. Only a complete backup replaces the newest."""
        primary = leader(await survey(self._databases))
        if primary is None:
            return False
        with self._next.open("wb") as file:
            tool = self._account.start(
                binaries(self._account) / "pg_basebackup", "-d", plain_conninfo(primary.place), "-D", "-", "-F", "tar",
                "-X", "fetch", "-c", "fast", "--max-rate", RATE, output=file,
            )  # fmt: skip
            status = await _ended(tool)
        if status:
            print(f"the backup of {primary.place.region} failed with status {status}", file=sys.stderr)  # noqa: T201
            return False
        self._next.rename(self._newest)
        return True


async def _ended(tool: "Popen[bytes]") -> int:
    """Wait for the tool and return its status, -1 after LIMIT_S. The tool is killed then, and if the wait is cancelled."""
    waiting = asyncio.create_task(asyncio.to_thread(tool.wait))
    try:
        async with asyncio.timeout(LIMIT_S):
            return await asyncio.shield(waiting)
    except TimeoutError:
        return -1
    finally:
        tool.kill()


@asynccontextmanager
async def backup(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """Run the service; it answers before there is a backup."""
    own = Account.fitting()
    folder, databases = Path(address("DATA_DIR")), places(address("DATABASES"))
    with runtime_folder(own) as runtime:
        backups = Backups(folder, databases, settings.operator_token, with_password(own, runtime))
        every_s = float(os.environ.get("BACKUP_EVERY") or EVERY_S)
        making = asyncio.create_task(supervised("backups", partial(backups.keep_making, every_s)))
        try:
            yield [Route("/base.tar", backups.base, methods=["GET"])]
        finally:
            making.cancel()


if __name__ == "__main__":
    serving.run("backup", backup)
