"""Launcher of Postgres: has the server's role decided, prepares its data directory, runs the server.

`launch` reads the configuration. The role is decided by `leadership` before the server listens, and again after each remedy of the watch. The launcher stays
the server's parent: SIGTERM and SIGINT become a fast shutdown, and if the launcher is killed, the kernel ends the server.
`seed` makes the template.
"""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg

from . import roles, volume
from .binaries import Account, binaries
from .follow import Remedy, Watch
from .launch import Launch
from .leadership import Backup, Data, Decision, Start, Step, decide, latest_term
from .replication import LOST, Place, Word, conninfo, position, quorum, survey
from .runtime import runtime_folder

RETRY_S = 0.1
FAST = signal.SIGINT


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
        if due is Remedy.STEP_DOWN:
            launch.say("steps down: a later term has begun")
            remedy = None
            continue
        # If a rewind didn't help, copy.
        remedy = Remedy.COPY if remedy is Remedy.REWIND else due
        launch.say(f"can't follow the primary as it is: {remedy.name.lower()}")


def prepare(launch: Launch, remedy: Remedy | None = None) -> None:
    """Prepare data and role. Raise RuntimeError if the data can't be had, SystemExit if a peer may be primary."""
    decision, start, words = _decide(launch)
    term = latest_term(start, words)
    if decision.step.leads:
        _lead(launch, decision, term)
    elif decision.source is not None:
        _join(launch, decision.source, remedy)
        _as_standby(launch, decision.source.place, term)
    else:
        # Data of the system's that it may have, it keeps; the template has none.
        blank = start.data is not Data.SOME and not launch.order.new
        volume.fill(launch.data, launch.template, launch.account)
        _as_standby(launch, _primary(launch), 0 if blank else term)


def _primary(launch: Launch) -> Place | None:
    return next((peer for peer in launch.peers if peer.region == launch.order.primary), None)


def _decide(launch: Launch) -> tuple[Decision, Start, list[Word]]:
    """Decide on the start, waiting for words as long as it must. Raise SystemExit if it may not start."""
    end = time.monotonic() + launch.times.word_s
    waiting, followed = "", _position(launch)
    while True:
        words = asyncio.run(survey(launch.peers, launch.times.ask_s))
        start = Start(
            region=launch.region,
            order=launch.order,
            data=_data(launch),
            term=volume.term(launch.data),
            followed=followed,
            backup=_backup(launch),
            patient=time.monotonic() < end,
        )
        decision = decide(start, words)
        if decision.step is Step.REFUSE:
            raise SystemExit(f"the database of {launch.region} doesn't start: {decision.why}")
        if decision.step is not Step.WAIT:
            return decision, start, words
        if decision.why != waiting:
            waiting = decision.why
            launch.say(f"waits: {waiting}")
        time.sleep(RETRY_S)


def _data(launch: Launch) -> Data:
    if volume.empty(launch.data):
        return Data.NONE
    return Data.SOME if volume.term(launch.data) else Data.BLANK


def _position(launch: Launch) -> int | None:
    """Return the position that a standby's data have surely reached; None if there are none, or they are a primary's."""
    if volume.empty(launch.data):
        return None
    noted = volume.control(launch.data, launch.account)
    return position(noted["Minimum recovery ending location"]) if _followed(noted) else None


def _backup(launch: Launch) -> Backup:
    """Return whether there is a backup; a database that has data needs none."""
    if not launch.backup or _data(launch) is Data.SOME:
        return Backup.NONE
    return volume.backed_up(launch.backup, launch.settings.operator_token)


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
        asyncio.run(_checkpoint(writer.place, launch.times.checkpoint_s))
        volume.rewind(data, writer.place, account, launch.times.connect_s)
    except RuntimeError as error:
        launch.say(str(error))
        _copy(launch, writer.place)


def _copy(launch: Launch, source: Place) -> None:
    launch.say(f"copies the data of {source.region}")
    volume.copy(launch.data, source, launch.account, launch.times.connect_s)


def _followed(noted: dict[str, str]) -> bool:
    """Return True if the data were a standby's at the last shutdown."""
    return noted["Database cluster state"] in ("in archive recovery", "shut down in recovery")


async def _checkpoint(place: Place, within_s: float) -> None:
    """Checkpoint the source of a rewind, so that its control file has its timeline. Raise RuntimeError if that fails."""
    try:
        async with asyncio.timeout(within_s):
            connection = await asyncpg.connect(place.url, ssl=False)
            try:
                await connection.execute("CHECKPOINT")
            finally:
                connection.terminate()
    except (TimeoutError, asyncpg.PostgresError, *LOST) as error:
        raise RuntimeError(f"no checkpoint of {place.region}: {error}") from error


def _lead(launch: Launch, decision: Decision, term: int) -> None:
    """Start as the primary by that term, with the data that were decided on.

    Data that aren't its own, as it left them, go on in a new timeline: others may have come further on the old one.
    """
    data, account = launch.data, launch.account
    names = quorum(launch.peers) if launch.synchronous else ""
    signal_file: str | None = volume.RECOVERS
    if decision.step is Step.LEAD_COPY and decision.source is not None:
        _copy(launch, decision.source.place)
    elif decision.step is Step.LEAD_BACKUP:
        launch.say("restores its data from the backup")
        volume.restore(data, launch.backup, launch.settings.operator_token, account)
    elif decision.step is Step.LEAD_TEMPLATE:
        volume.fill(data, launch.template, account)
        # At the very first start nothing is acknowledged yet: the watch has it wait for standbys once there is one.
        signal_file, names = None, ""
    elif not _followed(volume.control(data, account)):
        signal_file = None
    # There is no more log than what is there: the recovery ends at its end.
    ending = {"restore_command": "false"} if signal_file else {}
    settings = {"synchronous_standby_names": names, volume.TERM: str(term), **_silence(launch)}
    volume.start_as(data, signal_file, settings | ending, account)


def _as_standby(launch: Launch, source: Place | None, term: int) -> None:
    follows = {"primary_conninfo": conninfo(source, launch.region, launch.times.connect_s)} if source else {}
    settings = {**follows, volume.TERM: str(term), **_silence(launch)}
    volume.start_as(launch.data, volume.FOLLOWS, settings, launch.account)


def _silence(launch: Launch) -> dict[str, str]:
    """The settings of how long both ends of a replication stream wait for each other."""
    value = f"{round(launch.times.silence_s * 1000)}ms"
    return {"wal_receiver_timeout": value, "wal_sender_timeout": value}


def _watch(launch: Launch) -> Watch:
    own = Place(launch.region, roles.socket_url(launch.runtime, launch.settings.port))
    verifiers = {role: roles.verifier(role, password) for role, password in roles.passwords().items()}
    return Watch(own, launch.peers, launch.synchronous, verifiers, launch.times)


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
