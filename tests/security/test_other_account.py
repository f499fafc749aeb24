"""Another account of the machine gets nothing of a run on plain processes, be the run root's or an ordinary user's."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from tests.support.other_account import Target, as_stranger, breaches, granted, local_breaches, passwords
from tests.support.paths import ROOT
from tests.support.waiting import until

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account"),
]
OWNER = "games"
"""An ordinary account that runs gameday; Postgres wants it to have a name."""
SECRETS = (
    *(
        "PGPASSWORD",
        "DATABASE_PASSWORD",
        "REPLICA_PASSWORD",
        "OPERATOR_TOKEN",
        "PAYMENTS_KEY",
        "LINKS_SECRET",
    ),
    *("TOKEN_SECRET", "CREDENTIALS"),
)
UP_S = 120.0


@dataclass
class Playing:
    """A whole run under way: load, operators' API and all. `environ`: pid → environment."""

    process: subprocess.Popen[bytes]
    home: Path
    environ: dict[int, dict[str, str]]

    @property
    def run(self) -> str:
        return next(path.name for path in (self.home / "runs").iterdir())

    @property
    def secrets(self) -> set[str]:
        """All that the run's processes have in their environments, and the token of the operators' API."""
        values = {
            environment[name].partition("=")[0].rpartition(":")[2]
            if name == "CREDENTIALS"
            else environment[name]
            for environment in self.environ.values()
            for name in SECRETS
            if environment.get(name)
        }
        keys = (self.home / "state" / "gameday" / "doors").glob("*.json")
        return values | {json.loads(path.read_text(encoding="utf-8"))["token"] for path in keys}

    def processes(self) -> list[psutil.Process]:
        marked = f"GAMEDAY_RUN={self.run}"
        found = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if marked in Path(f"/proc/{process.pid}/environ").read_text(
                    encoding="utf-8", errors="replace"
                ):
                    found.append(process)
        return list(dict.fromkeys(found))

    def target(self) -> Target:
        processes = self.processes()
        ports = set[int]()
        for process in processes:
            with suppress(psutil.Error):
                listening = [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
                assert {c.laddr.ip for c in listening} <= {"127.0.0.1"}, process
                ports |= {connection.laddr.port for connection in listening}
        folders = [str(self.home), *(str(path) for path in Path(tempfile.gettempdir()).glob(f"*{self.run}*"))]
        databases = [
            int(one["PORT"]) for one in self.environ.values() if "TEMPLATE_DIR" in one and "PORT" in one
        ]
        pids = [process.pid for process in processes]
        return Target(sorted(ports), sorted(set(databases)), pids, folders, sorted(self.secrets))


def ordinary_python(folder: Path) -> Path:
    """A Python that the ordinary account may execute, with this one's packages: ours may lie in root's home."""
    system = Path("/usr/bin/python3")
    version = [sys.version_info.major, sys.version_info.minor]
    if (
        not system.exists()
        or json.loads(
            subprocess.check_output(
                [system, "-c", "import json, sys; print(json.dumps(sys.version_info[:2]))"]
            )
        )
        != version
    ):
        pytest.skip("no Python of this version that an ordinary account may execute")
    subprocess.run([system, "-m", "venv", "--without-pip", folder], check=True)
    packages = folder / "lib" / f"python{version[0]}.{version[1]}" / "site-packages" / "ours.pth"
    packages.write_text("\n".join(path for path in sys.path if path.startswith("/")), encoding="utf-8")
    return folder / "bin" / "python"


@contextmanager
def played(owner: int | None) -> Iterator[Playing]:
    """A run of root's, or of that account's, while its load goes on."""
    home = Path(tempfile.mkdtemp(prefix="gameday-security-", dir="/var/tmp"))
    home.chmod(0o755)
    python = Path(sys.executable) if owner is None else ordinary_python(home / "venv")
    for name in ("runs", "state", "cache"):
        (home / name).mkdir()
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") if owner is None else home / "cache"
    )
    if owner is not None:
        for path in (home, home / "runs", home / "state", home / "cache"):
            os.chown(path, owner, owner)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(cache), "PYTHONPATH": os.pathsep.join([str(ROOT / "runner"), str(ROOT / "reports")]),
    }  # fmt: skip
    # Built before, so that services don't wait for it while they start.
    build = "from gameday.execution.database_template import template; template()"
    subprocess.run(
        [python, "-c", build], env=environment, user=owner, group=owner, cwd=home, check=True, timeout=UP_S,
        extra_groups=None if owner is None else [],
    )  # fmt: skip
    process = subprocess.Popen(
        [python, "-m", "gameday", "run", "quiet", "--set", "steadyState.for=600s", "--set", "load.rate=5/s",
         "--substrate", "process", "--out", home / "runs"],
        env=environment, user=owner, group=owner, extra_groups=None if owner is None else [], cwd=home,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    playing = Playing(process, home, {})
    try:
        until(lambda: ready(playing), "the load runs", UP_S)
        for one in playing.processes():
            with suppress(psutil.Error):
                playing.environ[one.pid] = one.environ()
        yield playing
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def ready(playing: Playing) -> bool:
    assert playing.process.poll() is None, playing.process.communicate()[0].decode()[-3000:]
    return any((playing.home / "runs").glob("*/samples/*.shard")) and any(
        (playing.home / "state" / "gameday" / "doors").glob("*.json")
    )


@pytest.fixture(scope="module", params=[None, OWNER], ids=["root", "ordinary"])
def playing(request: pytest.FixtureRequest) -> Iterator[Playing]:
    with played(request.param and pwd.getpwnam(request.param).pw_uid) as up:
        yield up


def test_another_account_gets_nothing(playing: Playing) -> None:
    """Postgres with every name and password of the tree, link servers, third party, operators' endpoints, processes,
    files, sockets: all refused."""
    target = playing.target()
    assert as_stranger(lambda: breaches(target, ROOT)) == []
    # The attempts above are worth something only if there was something to attempt.
    assert len(target.ports) > 20
    assert len(target.secrets) >= 6
    assert len(passwords(ROOT)) > 10


def test_the_tries_would_succeed_for_the_runs_own_account(playing: Playing) -> None:
    """So that a refusal above is one of the account, not of a try that never works."""
    target = playing.target()
    found = "\n".join(as_stranger(lambda: local_breaches(target), account=owner_of(playing)))
    assert "/environ is readable" in found
    assert "takes signals" in found
    assert " has " in found


def owner_of(playing: Playing) -> int:
    return psutil.Process(playing.process.pid).uids().real


def test_the_databases_own_roles_reach_no_file_and_no_program(playing: Playing) -> None:
    """Even with the password of the run: no role that logs in over TCP can leave the database."""
    addresses = {
        (environment["PORT"], role, environment[variable])
        for environment in playing.environ.values()
        for role, variable in (("shop", "DATABASE_PASSWORD"), ("replica", "REPLICA_PASSWORD"))
        if "DATABASE_PASSWORD" in environment
    }
    assert len(addresses) == 4

    async def tried(port: str, role: str, password: str) -> Any:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=int(port), user=role, password=password, database="shop", ssl=False
        )
        try:
            return await granted(connection), await connection.fetchval("SHOW is_superuser")
        finally:
            connection.terminate()

    for port, role, password in sorted(addresses):
        may, superuser = asyncio.run(tried(port, role, password))
        # What pg_rewind needs, which without pg_read_server_files ends at the data directory.
        assert set(may) <= ({"SELECT pg_ls_dir('.')"} if role == "replica" else set()), role
        assert superuser == "off"


def test_no_secret_is_in_the_environment_of_another_accounts_process(playing: Playing) -> None:
    """As root, Postgres runs as another account, whose processes' environments that account can read."""
    mine = owner_of(playing)
    others = [one for one in playing.processes() if one.uids().real != mine]
    assert bool(others) == (mine == 0)
    for process in others:
        with suppress(psutil.NoSuchProcess):
            held = process.environ().values()
            assert not [secret for secret in playing.secrets if any(secret in value for value in held)]


def test_everything_is_gone_afterwards(playing: Playing) -> None:
    """Token, runtime folder, data: with the run. It is the last test of a run, since it ends the run."""
    run, state = playing.run, playing.home / "state"
    assert list(Path(tempfile.gettempdir()).glob(f"gameday-{run}"))
    playing.process.send_signal(signal.SIGTERM)
    playing.process.wait(60)
    assert list(state.glob("gameday/doors/*.json")) == []
    assert list(Path(tempfile.gettempdir()).glob(f"*{run}*")) == []
