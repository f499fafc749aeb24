"""Another account of the machine: its access to a run, tried in a child process that has switched
to that account.

The child knows what every account can know: the source, the process list, the listening ports and
the sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import stat
import traceback
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from itertools import product
from pathlib import Path
from typing import Any

import asyncpg

STRANGER = 54_321
"""An account that has no name, no group and no file on this machine."""
NAMES = ("shop", "postgres", "replica", "gameday", "root", "nobody", "template1")
DATABASES = ("shop", "postgres", "template1")
WEB_S, SQL_S = 5.0, 5.0
AT_ONCE = 16
TAKEN_OVER = (
    "CREATE TEMP TABLE loot (line text)",
    "COPY loot FROM PROGRAM 'id'",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_read_binary_file('/etc/hostname')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_ls_dir('.')",
    "COPY loot FROM '/etc/hostname'",
    "COPY (SELECT 1) TO '/tmp/gameday-loot'",
    "ALTER SYSTEM SET archive_command = 'id'",
    "CREATE ROLE stranger SUPERUSER",
    "ALTER ROLE shop SUPERUSER",
    "SET ROLE postgres",
    "GRANT pg_execute_server_program TO shop",
    "CREATE EXTENSION plpython3u",
    "LOAD '/tmp/x.so'",
)
"""Statements that reach beyond a database; the first only prepares others."""
REQUESTS = (
    ("GET", "/proxies"),
    ("POST", "/reset"),
    ("POST", "/populate"),
    ("POST", "/proxies"),
    ("POST", "/charges"),
    ("GET", "/ledger"),
    ("GET", "/base.tar"),
    ("GET", "/_operator/flags"),
    ("POST", "/_operator/flags"),
    ("POST", "/_operator/behaviour"),
    ("POST", "/_operator/drain"),
    ("POST", "/_operator/environments/us-east/delete"),
    ("GET", "/v1/status"),
    ("POST", "/v1/operations"),
)
"""What only the runner, a service or an operator may ask for."""


@dataclass(frozen=True)
class Target:
    """The facts that an account can know of a run. `folders` are all folders of the run."""

    ports: Sequence[int]
    databases: Sequence[int]
    """Those of `ports` at which a Postgres listens itself; others lead to one."""
    pids: Sequence[int]
    folders: Sequence[str]
    secrets: Sequence[str]
    """To recognise a leak by: the account that tries knows none of them."""


def as_stranger(work: Callable[[], Iterable[str]], account: int = STRANGER) -> list[str]:
    """Run `work` in a child of that account; return the texts that it yields, and an unexpected
    error as one more."""
    "a".encode("idna")  # loaded now: the other account may not be able to read this Python's files
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            os.setgroups([])
            os.setresgid(account, account, account)
            os.setresuid(account, account, account)
            os.chdir("/")
            with os.fdopen(writing, "w") as out:
                try:
                    json.dump(list(work()), out)
                except BaseException:
                    json.dump([traceback.format_exc()], out)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    breaches: list[str] = json.loads(text)
    return breaches


def breaches(target: Target, tree: Path) -> Iterator[str]:
    """Yield a text for each thing of the run that this account can do or read."""
    yield from asyncio.run(_databases(target, tree))
    yield from _web(target)
    yield from local_breaches(target)


def local_breaches(target: Target) -> Iterator[str]:
    """Yield a text for each process, file and socket of the run that this account can use.

    They depend on the account, which requests over TCP don't.
    """
    yield from _processes(target)
    yield from _files(target)
    yield from _sockets(target)


def passwords(tree: Path) -> list[str]:
    """Return every word of the tree that could be a password: those of the compose files, and the
    storefront's own."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((tree / "compose").glob("*.yaml")))
    defaults = re.findall(r":-([^}]*)\}", text)
    inside = [part for default in defaults for part in re.split(r"[:=@/,]", default)]
    return sorted({"", *NAMES, *defaults, *inside} - {part for part in inside if "." in part})


async def _databases(target: Target, tree: Path) -> list[str]:
    """Try every name with every password at each server, and those of the source at the links to it.

    A role has one password for all databases, so the list is tried on the first. On the others a server may only ask for
    none, which an empty password shows.
    """
    attempts = [
        (port, user, database, password)
        for port in target.ports
        if await _speaks_postgres(port)
        for user, database in product(NAMES, DATABASES)
        for password in (
            passwords(tree) if port in target.databases and database == DATABASES[0] else ("", user)
        )
    ]
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(port: int, user: str, database: str, password: str) -> list[str]:
        async with turn:
            connection = await _connected(port, user, database, password)
            if connection is None:
                return []
            way = f"port {port}: logged in as {user!r} with {password!r} to {database!r}"
            granted_texts = [way, *(f"{way}: {statement}" for statement in await granted(connection))]
            connection.terminate()
            return granted_texts

    return [
        text for found in await asyncio.gather(*(one(*attempt) for attempt in attempts)) for text in found
    ]


async def _speaks_postgres(port: int) -> bool:
    """Ask whether TLS is spoken; only Postgres answers `N` or `S`."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"))
            answer = await reader.read(1)
            writer.close()
            return answer in (b"N", b"S")
    return False


async def _connected(port: int, user: str, database: str, password: str) -> Any:
    try:
        return await asyncpg.connect(
            host="127.0.0.1", port=port, user=user, database=database, password=password, timeout=SQL_S, ssl=False,
            passfile="/nonexistent",
        )  # fmt: skip
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ):
        return None


async def granted(connection: Any) -> list[str]:
    """Return those of TAKEN_OVER that the connection may execute."""
    may = []
    for statement in TAKEN_OVER:
        with suppress(asyncpg.PostgresError):
            await connection.execute(statement, timeout=SQL_S)
            may.append(statement)
    return [statement for statement in may if not statement.startswith("CREATE TEMP")]


def _web(target: Target) -> Iterator[str]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda tried: _requested(*tried), product(target.ports, REQUESTS))
        yield from (answer for answer in answers if answer)


def _requested(port: int, request: tuple[str, str]) -> str:
    """Return a text for what was granted; '' if nothing was."""
    method, path = request
    body = json.dumps([] if path == "/populate" else {"amount_cents": 1, "name": "x", "upstream": "x:1"})
    query = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        data=body.encode() if method == "POST" else None,
        headers={"Idempotency-Key": "stranger", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with (
        suppress(OSError, ValueError, EOFError, HTTPException),
        opener.open(query, timeout=WEB_S) as answer,
    ):
        return f"port {port}: {method} {path}: {answer.status}"
    return ""


def _processes(target: Target) -> Iterator[str]:
    """Yield readable environments, memory and descriptors, and command lines with a secret."""
    for pid in target.pids:
        for name in ("environ", "mem", "maps"):
            with suppress(OSError):
                with Path(f"/proc/{pid}/{name}").open("rb") as file:
                    file.read(1)
                yield f"/proc/{pid}/{name} is readable"
        with suppress(OSError):
            yield from (f"/proc/{pid}/fd: {entry}" for entry in Path(f"/proc/{pid}/fd").iterdir())
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            yield from (
                f"the command line of {pid} has {secret}" for secret in target.secrets if secret in command
            )
        with suppress(OSError):
            os.kill(pid, 0)
            yield f"process {pid} takes signals"


def _files(target: Target) -> Iterator[str]:
    """Yield readable files with a secret, writable files, and readable data of databases."""
    for folder in target.folders:
        for root, folders, names in os.walk(folder):
            for name in names:
                yield from _file(Path(root, name), target.secrets)
            for name in folders:
                if os.access(Path(root, name), os.W_OK):
                    yield f"{Path(root, name)} is writable"


def _file(path: Path, secrets: Sequence[str]) -> Iterator[str]:
    with suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            return
        if os.access(path, os.W_OK):
            yield f"{path} is writable"
        if "/base/" in str(path) or path.name in ("PG_VERSION", "pgpass", "pg_hba.conf"):
            with path.open("rb") as file:
                file.read(1)
            yield f"{path} is readable"
        content = path.read_bytes()
        yield from (f"{path} has {secret}" for secret in secrets if secret.encode() in content)


def _sockets(target: Target) -> Iterator[str]:
    """Try the run's Unix sockets, abstract ones too (their names begin with @ in the kernel's table)."""
    lines = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
    names = {line.split(maxsplit=7)[7] for line in lines if len(line.split(maxsplit=7)) == 8}
    for name in sorted(names):
        if "gameday" not in name and "PGSQL" not in name and "storefront" not in name:
            continue
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, suppress(OSError):
            client.settimeout(WEB_S)
            client.connect("\0" + name[1:] if name.startswith("@") else name)
            yield f"connected to {name}"
