"""Postgres as a service of the storefront: decides its role, brings its data directory in order, runs the server.

Configured by HOST, PORT, REGION, DATA_DIR, TEMPLATE_DIR; PRIMARY, the region whose database starts as the primary
(its own, where that isn't said); DATABASES, the peers in other regions; REPLICATION, `async` or `sync`; BACKUP_URL.
The role is decided before the server listens, by asking the peers: while one of them takes writes this one is its
standby, whatever it was before. The launcher stays the server's parent: SIGTERM and SIGINT become a fast shutdown,
and should the launcher itself be killed, the kernel takes the server down. Leaves the template to `seed`.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from . import volume
from .binaries import Account, binaries
from .follow import Remedy, Watch
from .replication import LOST, Place, State, Word, conninfo, leader, places, quorum, survey
from .settings import Settings, address

# How long a database that has something to lose waits for word of its peers before it gives up.
WORD_S = 20.0
RETRY_S = 0.1
CHECKPOINT_S = 15.0
FAST = signal.SIGINT


@dataclass(frozen=True)
class Launch:
    """What one database is told, and who it runs as. `peers` are the databases of the other regions."""

    settings: Settings
    data: Path
    template: Path
    account: Account
    primary: str
    peers: tuple[Place, ...]
    synchronous: bool
    backup: str

    @classmethod
    def from_environment(cls) -> "Launch":
        """SystemExit where the data directory isn't said or can't be reached."""
        settings, account = Settings.from_environment("postgres"), Account.fitting()
        data = Path(address("DATA_DIR")).resolve()
        if not account.reaches(data):
            raise SystemExit(
                f"{data} cannot be reached by user {account.uid}, whom Postgres runs as where we are root"
            )
        return cls(
            settings=settings,
            data=data,
            template=Path(os.environ.get("TEMPLATE_DIR", "")),
            account=account,
            primary=os.environ.get("PRIMARY") or settings.region,
            peers=tuple(
                each for each in places(os.environ.get("DATABASES", "")) if each.region != settings.region
            ),
            synchronous=os.environ.get("REPLICATION", "async") == "sync",
            backup=os.environ.get("BACKUP_URL", "").rstrip("/"),
        )

    @property
    def region(self) -> str:
        return self.settings.region

    def say(self, text: str) -> None:
        """Into the instance's log, beside the server's own lines."""
        print(f"{self.settings.instance}: {text}", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Run until stopped; the server's exit status."""
    launch = Launch.from_environment()
    remedy: Remedy | None = None
    while True:
        prepare(launch, remedy)
        (launch.data / "postmaster.pid").unlink(missing_ok=True)
        status, due = asyncio.run(supervise(lambda: _begin(launch), _watch(launch).run))
        if due is None:
            return status
        # What a rewinding didn't cure a copy will.
        remedy = Remedy.COPY if remedy is Remedy.REWIND else due
        launch.say(f"can't follow the primary as it is: {remedy.name.lower()}")


def prepare(launch: Launch, remedy: Remedy | None = None) -> None:
    """Bring data and role in order. RuntimeError where data can't be had, SystemExit where a peer may be primary."""
    words = asyncio.run(_words(launch))
    writer = leader(words)
    if writer is not None:
        _join(launch, writer, remedy)
        _as_standby(launch, writer.place)
    elif launch.region == launch.primary:
        _lead(launch, words)
    else:
        volume.fill(launch.data, launch.template, launch.account)
        _as_standby(launch, next((peer for peer in launch.peers if peer.region == launch.primary), None))


async def _words(launch: Launch) -> list[Word]:
    """What the peers say; a database with data of its own waits for those that don't know yet or keep silent."""
    end = time.monotonic() + WORD_S
    while True:
        words = await survey(launch.peers)
        unclear = [word.place.region for word in words if word.state in (State.STARTS, State.SILENT)]
        may_lead = launch.region == launch.primary and not volume.empty(launch.data)
        if leader(words) or not unclear or not may_lead:
            return words
        if time.monotonic() > end:
            raise SystemExit(
                f"no word from the database of {', '.join(unclear)}, which may take writes by now"
            )
        await asyncio.sleep(RETRY_S)


def _join(launch: Launch, writer: Word, remedy: Remedy | None) -> None:
    """Make the data such that it can follow: as it is, rewound, or copied, in this order of what is possible."""
    data, account = launch.data, launch.account
    if volume.empty(data) or remedy is Remedy.COPY:
        _copy(launch, writer.place)
        return
    noted = volume.control(data, account)
    if remedy is None and _followed(noted):
        return
    # A server that took writes on the primary's own timeline can't have shared it: only a new copy is safe.
    if int(noted["Latest checkpoint's TimeLineID"]) >= writer.timeline:
        _copy(launch, writer.place)
        return
    launch.say(f"rewinds its data to that of {writer.place.region}")
    try:
        asyncio.run(_checkpoint(writer.place))
        volume.rewind(data, writer.place, account)
    except RuntimeError as error:
        launch.say(str(error))
        _copy(launch, writer.place)


def _copy(launch: Launch, source: Place) -> None:
    launch.say(f"copies the data of {source.region}")
    volume.copy(launch.data, source, launch.account)


def _followed(noted: dict[str, str]) -> bool:
    """Whether the data was a standby's when it was left."""
    return noted["Database cluster state"] in ("in archive recovery", "shut down in recovery")


async def _checkpoint(place: Place) -> None:
    """For the source of a rewinding says only in a checkpoint which timeline it is on. RuntimeError."""
    try:
        async with asyncio.timeout(CHECKPOINT_S):
            connection = await asyncpg.connect(place.url, ssl=False)
            try:
                await connection.execute("CHECKPOINT")
            finally:
                connection.terminate()
    except (TimeoutError, asyncpg.PostgresError, *LOST) as error:
        raise RuntimeError(f"no checkpoint of {place.region}: {error}") from error


def _lead(launch: Launch, words: list[Word]) -> None:
    """Start as the primary: from its own data; from a standby or a backup, where the data is gone; else the template.

    What isn't its own data as it left it goes on in a new timeline: on the old one others may have come further.
    """
    data, account = launch.data, launch.account
    standby = next((word.place for word in words if word.state is State.FOLLOWS), None)
    names = quorum(launch.peers) if launch.synchronous else ""
    if not volume.empty(data):
        signal_file = volume.RECOVERS if _followed(volume.control(data, account)) else None
    elif not (launch.backup and volume.backed_up(launch.backup)):
        # At the very first start nothing is acknowledged yet: the watch has it wait for standbys once there is one.
        volume.fill(data, launch.template, account)
        signal_file, names = None, ""
    else:
        signal_file = volume.RECOVERS
        if standby is not None:
            _copy(launch, standby)
        else:
            launch.say("restores its data from the backup")
            volume.restore(data, launch.backup, account)
    settings = {"synchronous_standby_names": names}
    # There is no more log than what is there: the recovery ends at its end.
    ending = {"restore_command": "false"} if signal_file else {}
    volume.start_as(data, signal_file, settings | ending, account)


def _as_standby(launch: Launch, source: Place | None) -> None:
    settings = {"primary_conninfo": conninfo(source, launch.region)} if source else {}
    volume.start_as(launch.data, volume.FOLLOWS, settings, launch.account)


def _watch(launch: Launch) -> Watch:
    host = "127.0.0.1" if launch.settings.host == "0.0.0.0" else launch.settings.host  # noqa: S104
    own = Place(launch.region, f"postgresql://shop:shop@{host}:{launch.settings.port}/shop")
    return Watch(own, launch.peers, launch.synchronous)


def _begin(launch: Launch) -> "subprocess.Popen[bytes]":
    """The server: TCP only, logging to stderr."""
    settings, account = launch.settings, launch.account
    server = binaries(account) / "postgres"
    return account.start(server, "-D", launch.data, "-h", settings.host, "-p", str(settings.port), "-k", "")


async def supervise(
    begin: Callable[[], "subprocess.Popen[bytes]"], watch: Callable[[], Awaitable[Remedy]]
) -> tuple[int, Remedy | None]:
    """Run the server until it ends; its status. Where the watch ended it, what it needs before it can start again.

    SIGTERM and SIGINT ask it for a fast shutdown.
    """
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        server.send_signal(FAST)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    server = begin()
    ended = loop.create_task(asyncio.to_thread(server.wait))
    watching = asyncio.ensure_future(watch())
    await asyncio.wait({ended, watching}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        watching.cancel()
        return ended.result(), None
    server.send_signal(FAST)
    status = await ended
    return status, None if stopped else watching.result()


if __name__ == "__main__":
    sys.exit(main())
