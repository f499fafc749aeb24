"""The runtime folder of an instance: Postgres' socket and the file with a password, closed to every other account.

RUNTIME_DIR names it; an instance that isn't given one makes its own below the temporary folder, for as long as it runs.
A password is never on a command line, nor in the environment of a process of another account, which could be read there.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .binaries import Account
from .roles import REPLICA, passwords

PASSFILE = "pgpass"


@contextmanager
def runtime_folder(account: Account) -> Iterator[Path]:
    """A folder of the account's, mode 700. SystemExit if the account can't reach it."""
    given = os.environ.get("RUNTIME_DIR", "")
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="storefront-"))
    if not account.reaches(folder):
        raise SystemExit(
            f"{folder} cannot be reached by user {account.uid}, as which Postgres runs: set RUNTIME_DIR"
        )
    folder.mkdir(parents=True, exist_ok=True)
    account.own(folder)
    try:
        yield folder
    finally:
        if not given:
            shutil.rmtree(folder, ignore_errors=True)


def with_password(account: Account, folder: Path) -> Account:
    """The account whose tools and servers log in elsewhere as `replica`, by a password file in that folder.

    Connections that this process itself opens from now on do so too.
    """
    password = passwords().get(REPLICA, "")
    os.environ["PGPASSWORD"] = password
    if not password:
        return account
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    passfile = folder / PASSFILE
    passfile.unlink(missing_ok=True)
    with os.fdopen(os.open(passfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"*:*:*:{REPLICA}:{escaped}\n")
    account.own(passfile, 0o600)
    return replace(account, passfile=passfile)
