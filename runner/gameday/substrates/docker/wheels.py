"""Wheels of the packages that go into the image, in a folder, so that the build itself needs no network.

GAMEDAY_WHEELS names a folder with the wheels; otherwise pip downloads them on this machine into the cache, once for
each base image and requirements.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gameday.host.cache_folder import cache_folder
from gameday.host.child_python import FOLDER, child_command, inherited_environment
from gameday.ports import PortError

DOWNLOAD_S = 600
GLIBCS = (28, 27, 26, 24, 17, 12, 5)
"""Minor versions of glibc 2 that wheels are built for, up to the oldest of any base image."""
HINT = "set GAMEDAY_WHEELS to a folder with the wheels (scripts/docker-base --fetch downloads them)"


def wheels(
    requirements: Path, base_id: str, machine: str, python: Callable[[], str], progress: Callable[[str], None]
) -> Path:
    """Return the folder with the wheels. Raise PortError if it has none or they can't be downloaded.

    `python` returns the base image's Python version; it is called only if a download is due.
    """
    if given := os.environ.get("GAMEDAY_WHEELS"):
        folder = Path(given)
        if not any(folder.glob("*.whl")):
            raise PortError(f"GAMEDAY_WHEELS: no wheels in {folder}")
        return folder
    key = hashlib.sha256(
        f"{base_id} {machine}\n{requirements.read_text(encoding='utf-8')}".encode()
    ).hexdigest()
    folder = cache_folder() / f"wheels-{key[:16]}"
    if not folder.exists():
        version = python()
        progress(f"downloading the packages for Python {version} on {machine}")
        _download(requirements, folder, version, machine)
    return folder


def command(requirements: Path, target: Path, version: str, machine: str) -> list[str]:
    """Return pip's command: wheels only, for the image's Python and machine, not for this one's."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBCS] + [f"manylinux2014_{machine}"]
    return child_command(
        *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"),
        *("--implementation", "cp", "--python-version", version),
        *(word for platform in platforms for word in ("--platform", platform)),
        *("-r", str(requirements.resolve()), "-d", str(target.resolve())),
    )


def _download(requirements: Path, folder: Path, version: str, machine: str) -> None:
    """Fill the folder; it exists only once it is complete."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=folder.name, dir=folder.parent))
    except OSError as error:
        raise PortError(f"can't write to the cache: {error}") from None
    try:
        _run(command(requirements, partial, version, machine))
        partial.rename(folder)
    except OSError:
        if not folder.exists():  # another run was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run(argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            argv, env=inherited_environment(), cwd=FOLDER, capture_output=True, text=True, timeout=DOWNLOAD_S
        )
    except subprocess.TimeoutExpired:
        raise PortError(f"downloading the packages took over {DOWNLOAD_S} s; {HINT}") from None
    if done.returncode:
        output = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise PortError(
            f"the packages can't be downloaded: pip ended with exit status {done.returncode}:\n{output}\n{HINT}"
        )
