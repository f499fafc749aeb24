"""Data directory of a Postgres server: how it is filled, and the role that the next start gives it.

It is filled from the template, by copy; from another server, whole or only what differs; or from a backup, over HTTP. A
whole directory comes to a folder beside and is moved in at the end, so that a copy cut short leaves no database.
`postgres` decides which of these is due.
"""

import http.client
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .binaries import Account, binaries
from .leadership import Backup
from .replication import CONNECT_S, Place, plain_conninfo

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
NOT_FOUND = 404
TERM = "storefront.term"


def empty(data: Path) -> bool:
    """Return True if there is no complete database in it."""
    return not (data / MARK).exists()


def fill(data: Path, template: Path, account: Account) -> None:
    """Make `data` a copy of the template, unless it holds a database already."""
    if not empty(data):
        return
    if not (template / MARK).exists():
        raise SystemExit(f"{template} is no template: make it with `python -m storefront.seed {template}`")
    shutil.copytree(template, _incoming(data, account), dirs_exist_ok=True)
    _take(data, account)


def copy(data: Path, source: Place, account: Account, connect_s: int = CONNECT_S) -> None:
    """Make `data` a copy of a running server's. Raise RuntimeError if it can't be copied; `data` is unchanged then."""
    incoming = _incoming(data, account)
    account.run(
        binaries(account) / "pg_basebackup", "-D", incoming, "-d", plain_conninfo(source, connect_s),
        "-X", "stream", "-c", "fast", "--no-sync", within_s=COPY_S,
    )  # fmt: skip
    _take(data, account)


def rewind(data: Path, source: Place, account: Account, connect_s: int = CONNECT_S) -> None:
    """Undo what `data` has and the source hasn't. Raise RuntimeError if that fails; `data` is unusable then."""
    # pg_rewind recovers a crashed server first; these settings would keep that recovery from ending.
    start_as(data, None, {}, account)
    account.run(
        binaries(account) / "pg_rewind", "-D", data, "--source-server", plain_conninfo(source, connect_s), "--no-sync",
        within_s=COPY_S,
    )  # fmt: skip


def backed_up(url: str, token: str) -> Backup:
    """Return whether there is a backup at that address; only a store that says so has none."""
    request = _backup(url, token, "HEAD")
    try:
        with urllib.request.urlopen(request, timeout=ASK_S):  # noqa: S310
            return Backup.SOME
    except urllib.error.HTTPError as error:
        error.close()
        return Backup.NONE if error.code == NOT_FOUND else Backup.UNREACHABLE
    except (OSError, http.client.HTTPException):
        return Backup.UNREACHABLE


def restore(data: Path, url: str, token: str, account: Account) -> None:
    """Make `data` what the newest backup holds. Raise RuntimeError if it doesn't come whole."""
    incoming = _incoming(data, account)
    try:
        with urllib.request.urlopen(_backup(url, token, "GET"), timeout=WAIT_S) as answer:  # noqa: S310
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


def _backup(url: str, token: str, method: str) -> urllib.request.Request:
    """Build a request for the backup, with the operators' token: a backup holds the whole database."""
    headers = {"Authorization": f"Bearer {token}"}
    return urllib.request.Request(f"{url}/base.tar", method=method, headers=headers)  # noqa: S310 - an address of ours


def start_as(data: Path, signal: str | None, settings: Mapping[str, str], account: Account) -> None:
    """Set the role of the next start: FOLLOWS, RECOVERS, or None for a primary; settings as in postgresql.conf."""
    for name in {FOLLOWS, RECOVERS} - {signal}:
        (data / name).unlink(missing_ok=True)
    if signal:
        (data / signal).touch()
        account.own(data / signal, 0o600)
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
    (data / SETTINGS).write_text("".join(lines), encoding="utf-8")
    account.own(data / SETTINGS, 0o600)


def term(data: Path) -> int:
    """Return the latest term that the database knows, 0 if it has no data of the system's yet."""
    try:
        text = (data / SETTINGS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0
    terms = re.findall(rf"^{re.escape(TERM)} = '(\d+)'", text, re.MULTILINE)
    return int(terms[-1]) if terms else 0


def control(data: Path, account: Account) -> dict[str, str]:
    """Return the control file's values by the names that pg_controldata prints."""
    printed = account.run(binaries(account) / "pg_controldata", "-D", data)
    return {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in printed.splitlines())
    }


def _incoming(data: Path, account: Account) -> Path:
    """Make an empty folder of the account's inside `data`, on the same file system."""
    data.mkdir(parents=True, exist_ok=True)
    account.own(data, 0o700, below=False)
    incoming = data / INCOMING
    _remove(incoming)
    incoming.mkdir()
    account.own(incoming)
    return incoming


def _take(data: Path, account: Account) -> None:
    """Replace the content of `data` by that of its incoming folder."""
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
