"""Postgres as a service of the storefront: fills its data directory from the template, runs and ends the server.

Configured by HOST, PORT, DATA_DIR and TEMPLATE_DIR. The launcher stays the server's parent: SIGTERM and
SIGINT become a fast shutdown, and should the launcher itself be killed, the kernel takes the server down.
Leaves the template to `seed`.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from .binaries import Account, binaries
from .settings import Settings, address

# Copied last: a data directory without it is one whose copy was cut short, and is filled again.
MARK = "PG_VERSION"
PR_SET_PDEATHSIG = 1
FINISH_S = 10


def fill(data: Path, template: Path, account: Account) -> None:
    """Make `data` a copy of the template, unless it holds a database already."""
    if (data / MARK).exists():
        return
    if not (template / MARK).exists():
        raise SystemExit(f"{template} is no template: make it with `python -m storefront.seed {template}`")
    data.mkdir(parents=True, exist_ok=True)
    for leftover in data.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    for part in template.iterdir():
        if part.is_dir():
            shutil.copytree(part, data / part.name)
        elif part.name != MARK:
            shutil.copy2(part, data)
    shutil.copy2(template / MARK, data)
    account.own(data)


def command(settings: Settings, data: Path, account: Account) -> list[str]:
    """The server's command: TCP only, logging to stderr."""
    server = binaries(account) / "postgres"
    return [str(server), "-D", str(data), "-h", settings.host, "-p", str(settings.port), "-k", ""]


def dies_with(parent: int) -> Callable[[], None]:
    """What a child does before its exec, so that it is shut down at once when its parent dies."""
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def start(arguments: list[str], account: Account) -> "subprocess.Popen[bytes]":
    """The server as a child, in a group of its own: a terminal's Ctrl-C must reach it through us alone."""
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        umask=0o077,
        cwd="/",
        process_group=0,
        preexec_fn=dies_with(os.getpid()),
    )


def main() -> int:
    """Run until stopped; the server's exit status."""
    settings = Settings.from_environment("postgres")
    data, account = Path(address("DATA_DIR")).resolve(), Account.fitting()
    if not account.reaches(data):
        raise SystemExit(f"{data} cannot be reached by user {account.uid}, whom Postgres runs as where we are root")
    fill(data, Path(os.environ.get("TEMPLATE_DIR", "")), account)
    (data / "postmaster.pid").unlink(missing_ok=True)
    return supervise(lambda: start(command(settings, data, account), account))


def supervise(begin: Callable[[], "subprocess.Popen[bytes]"]) -> int:
    """Run the server until it ends; SIGTERM and SIGINT ask it for a fast shutdown."""
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    server = begin()

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.send_signal(signal.SIGINT)

    for number in stops:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
