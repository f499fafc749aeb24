"""The data directory of a Postgres server: where its content comes from, and what it is started as.

From the template, by copy; from another server, whole or only what differs; from a backup, over HTTP. Whatever brings
a whole directory brings it to a folder beside and moves it in at the end, so that a copy cut short leaves no database.
Which of these is due is for `postgres` to decide.
"""

import http.client
import shutil
import tarfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .binaries import Account, binaries
from .replication import Place, plain_conninfo

# Moved in last: a data directory without it is one whose copy was cut short, and is filled again.
MARK = "PG_VERSION"
INCOMING = "incoming"
FOLLOWS = "standby.signal"
RECOVERS = "recovery.signal"
# Outranks postgresql.conf; ALTER SYSTEM writes it. A copy from another server brings that one's along.
SETTINGS = "postgresql.auto.conf"
COPY_S = 120.0
ASK_S = 2.0
WAIT_S = 10.0
CHUNK = 1 << 16


def empty(data: Path) -> bool:
    """Whether there is no whole database in it."""
    return not (data / MARK).exists()


def fill(data: Path, template: Path, account: Account) -> None:
    """Make `data` a copy of the template, unless it holds a database already."""
    if not empty(data):
        return
    if not (template / MARK).exists():
        raise SystemExit(f"{template} is no template: make it with `python -m storefront.seed {template}`")
    shutil.copytree(template, _incoming(data, account), dirs_exist_ok=True)
    _take(data, account)


def copy(data: Path, source: Place, account: Account) -> None:
    """Make `data` a copy of a running server's. RuntimeError where it can't be copied; then `data` is as it was."""
    incoming = _incoming(data, account)
    account.run(
        binaries(account) / "pg_basebackup", "-D", incoming, "-d", plain_conninfo(source),
        "-X", "stream", "-c", "fast", "--no-sync", within_s=COPY_S,
    )  # fmt: skip
    _take(data, account)


def rewind(data: Path, source: Place, account: Account) -> None:
    """Undo what `data` has and the source hasn't. RuntimeError where that can't be done; then `data` is spoilt."""
    # The way to a clean shutdown after a crash is a recovery that these would keep from ending.
    start_as(data, None, {}, account)
    account.run(
        binaries(account) / "pg_rewind", "-D", data, "--source-server", plain_conninfo(source), "--no-sync",
        within_s=COPY_S,
    )  # fmt: skip


def backed_up(url: str) -> bool:
    """Whether there is a backup at that address; a store that can't be reached counts as one that has none."""
    request = urllib.request.Request(f"{url}/base.tar", method="HEAD")  # noqa: S310 - an address of ours
    try:
        with urllib.request.urlopen(request, timeout=ASK_S):  # noqa: S310
            return True
    except (OSError, http.client.HTTPException):
        return False


def restore(data: Path, url: str, account: Account) -> None:
    """Make `data` what the newest backup holds. RuntimeError where it doesn't come whole."""
    incoming = _incoming(data, account)
    try:
        with urllib.request.urlopen(f"{url}/base.tar", timeout=WAIT_S) as answer:  # noqa: S310
            with tarfile.open(fileobj=answer, mode="r|", bufsize=CHUNK) as archive:
                if hasattr(tarfile, "data_filter"):  # Python 3.11 before 3.11.4, Debian's own, has none
                    archive.extraction_filter = tarfile.data_filter
                archive.extractall(incoming)  # noqa: S202 - a backup of our own
            answer.read()
            if answer.length:
                raise EOFError("it ends early")
    except (OSError, http.client.HTTPException, tarfile.TarError, EOFError) as error:
        raise RuntimeError(f"the backup can't be restored: {error}") from error
    _take(data, account)


def start_as(data: Path, signal: str | None, settings: Mapping[str, str], account: Account) -> None:
    """What the next start makes of the data: FOLLOWS, RECOVERS, None for a primary; settings as in postgresql.conf."""
    for name in {FOLLOWS, RECOVERS} - {signal}:
        (data / name).unlink(missing_ok=True)
    if signal:
        (data / signal).touch()
        account.own(data / signal, 0o600)
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
    (data / SETTINGS).write_text("".join(lines), encoding="utf-8")
    account.own(data / SETTINGS, 0o600)


def control(data: Path, account: Account) -> dict[str, str]:
    """What the server noted of itself, by the names that pg_controldata gives it."""
    printed = account.run(binaries(account) / "pg_controldata", "-D", data)
    return {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in printed.splitlines())
    }


def _incoming(data: Path, account: Account) -> Path:
    """An empty folder of the account's inside `data`, on the same file system."""
    data.mkdir(parents=True, exist_ok=True)
    account.own(data, 0o700, below=False)
    incoming = data / INCOMING
    _remove(incoming)
    incoming.mkdir()
    account.own(incoming)
    return incoming


def _take(data: Path, account: Account) -> None:
    """What came takes the place of what was."""
    incoming = data / INCOMING
    account.own(incoming)
    (data / MARK).unlink(missing_ok=True)
    for old in data.iterdir():
        if old != incoming:
            _remove(old)
    for new in sorted(incoming.iterdir(), key=lambda path: path.name == MARK):
        new.rename(data / new.name)
    incoming.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
