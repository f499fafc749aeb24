"""Launcher of Postgres: decides the server's role, prepares its data directory, runs the server.

Configured by HOST, PORT, REGION, DATA_DIR, TEMPLATE_DIR; PRIMARY, the region whose database starts as the primary
(its own if not given); DATABASES, the peers in other regions; REPLICATION, `async` or `sync`; BACKUP_URL;
DATABASE_PASSWORD and REPLICA_PASSWORD, see `roles`; RUNTIME_DIR, where the socket lies.
The role is decided before the server listens, by asking the peers: if one of them takes writes, this one is its
standby, whatever it was before. The launcher stays the server's parent: SIGTERM and SIGINT become a fast shutdown,
and if the launcher is killed, the kernel ends the server. `seed` makes the template.
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

from . import roles, volume
from .binaries import Account, binaries
from .follow import Remedy, Watch
from .replication import LOST, Place, State, Word, conninfo, leader, places, quorum, survey
from .runtime import runtime_folder, with_password
from .settings import Settings, address

# How long a database with data of its own waits for its peers' answers before it gives up.
WORD_S = 20.0
RETRY_S = 0.1
CHECKPOINT_S = 15.0
FAST = signal.SIGINT


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
    primary: str
    peers: tuple[Place, ...]
    synchronous: bool
    backup: str

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
            primary=os.environ.get("PRIMARY") or settings.region,
            peers=tuple(
                peer for peer in places(os.environ.get("DATABASES", "")) if peer.region != settings.region
            ),
            synchronous=os.environ.get("REPLICATION", "async") == "sync",
            backup=os.environ.get("BACKUP_URL", "").rstrip("/"),
        )

    @property
    def region(self) -> str:
        return self.settings.region

    def say(self, text: str) -> None:
        """Write a line to the instance's log, where the server logs too."""
        print(f"{self.settings.instance}: {text}", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """Run until stopped; return the server's exit status."""
    account = Account.fitting()
    with runtime_folder(account) as runtime:
        return launch_server(Launch.from_environment(runtime, account))


def launch_server(launch: Launch) -> int:
    """Start the server, again after each remedy, until it is stopped; return its exit status."""
    remedy: Remedy | None = None
    while True:
        prepare(launch, remedy)
        (launch.data / "postmaster.pid").unlink(missing_ok=True)
        status, due = asyncio.run(supervise(lambda: _begin(launch), _watch(launch).run))
        if due is None:
            return status
        # If a rewind didn't help, copy.
        remedy = Remedy.COPY if remedy is Remedy.REWIND else due
        launch.say(f"can't follow the primary as it is: {remedy.name.lower()}")


def prepare(launch: Launch, remedy: Remedy | None = None) -> None:
    """Prepare data and role. Raise RuntimeError if the data can't be had, SystemExit if a peer may be primary."""
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
    """Return the peers' answers; a database with data of its own waits for peers that start or keep silent."""
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
    """Make the data follow the writer: as they are, rewound, or copied; the first of these that is possible."""
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
    """Return True if the data were a standby's at the last shutdown."""
    return noted["Database cluster state"] in ("in archive recovery", "shut down in recovery")


async def _checkpoint(place: Place) -> None:
    """Checkpoint the source of a rewind, so that its control file has its timeline. Raise RuntimeError if that fails."""
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
    """Start as the primary: from its own data; from a standby or a backup if the data are gone; else from the template.

    Data that aren't its own, as it left them, go on in a new timeline: others may have come further on the old one.
    """
    data, account = launch.data, launch.account
    standby = next((word.place for word in words if word.state is State.FOLLOWS), None)
    names = quorum(launch.peers) if launch.synchronous else ""
    if not volume.empty(data):
        signal_file = volume.RECOVERS if _followed(volume.control(data, account)) else None
    elif not (launch.backup and volume.backed_up(launch.backup, launch.settings.operator_token)):
        # At the very first start nothing is acknowledged yet: the watch has it wait for standbys once there is one.
        volume.fill(data, launch.template, account)
        signal_file, names = None, ""
    else:
        signal_file = volume.RECOVERS
        if standby is not None:
            _copy(launch, standby)
        else:
            launch.say("restores its data from the backup")
            volume.restore(data, launch.backup, launch.settings.operator_token, account)
    settings = {"synchronous_standby_names": names}
    # There is no more log than what is there: the recovery ends at its end.
    ending = {"restore_command": "false"} if signal_file else {}
    volume.start_as(data, signal_file, settings | ending, account)


def _as_standby(launch: Launch, source: Place | None) -> None:
    settings = {"primary_conninfo": conninfo(source, launch.region)} if source else {}
    volume.start_as(launch.data, volume.FOLLOWS, settings, launch.account)


def _watch(launch: Launch) -> Watch:
    own = Place(launch.region, roles.socket_url(launch.runtime, launch.settings.port))
    verifiers = {role: roles.verifier(role, password) for role, password in roles.passwords().items()}
    return Watch(own, launch.peers, launch.synchronous, verifiers)


def _begin(launch: Launch) -> "subprocess.Popen[bytes]":
    """The server: on TCP, and for the superuser on a socket in the runtime folder; it logs to stderr."""
    settings, account = launch.settings, launch.account
    server = binaries(account) / "postgres"
    return account.start(
        server, "-D", launch.data, "-h", settings.host, "-p", str(settings.port),
        "-k", launch.runtime, "-c", "unix_socket_permissions=0700", "-c", f"cluster_name={launch.region}",
    )  # fmt: skip


async def supervise(
    begin: Callable[[], "subprocess.Popen[bytes]"], watch: Callable[[], Awaitable[Remedy]]
) -> tuple[int, Remedy | None]:
    """Run the server until it ends; return its status, and the remedy that it needs if the watch ended it.

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
