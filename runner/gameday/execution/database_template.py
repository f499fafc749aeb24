"""Template of the shop's preloaded database: made once for each content, kept in the user's cache.

A list of its files is written last, beside it. A template that lacks a file is made again: a cache may be cleaned by others.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gameday.host.bound_child import bound_command
from gameday.host.cache_folder import cache_folder
from gameday.host.child_python import FOLDER, inherited_environment
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import bundled

TEMPLATE_TIMEOUT = 180.0
PREFIX = "template-"
CURE = "set XDG_CACHE_HOME to a folder of your own"


def template() -> Path:
    """Return the preloaded Postgres data directory, making it first if it isn't cached whole. Raise PortError."""
    folder = cache_folder() / f"{PREFIX}{template_key()}"
    try:
        if folder.is_dir() and not is_whole(folder):
            _discard(folder)
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            run_seed(str(folder.resolve()))
        if not listing(folder).is_file():
            atomic_file.write(listing(folder), json.dumps(_files(folder)))
    except OSError as error:
        raise PortError(f"can't keep the database's template in {folder.parent}: {error}; {CURE}") from error
    return folder


def template_key() -> str:
    """Return the key of the template that this installation makes. Raise PortError."""
    return run_seed("--key").strip()


def listing(folder: Path) -> Path:
    """Return the file that lists the files of a template."""
    return folder.with_name(f"{folder.name}.files")


def is_whole(folder: Path) -> bool:
    """Return True if every file of a template is there with its size. Raise OSError if it can't be read.

    A template without a list was made by an older version: it counts if it has the files that a start needs first.
    """
    if not listing(folder).is_file():
        return all((folder / name).is_file() for name in ("PG_VERSION", "global/pg_control"))
    try:
        listed = json.loads(listing(folder).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return bool(listed == _files(folder))


def _files(folder: Path) -> dict[str, int]:
    """Return relative path → size of the files below a folder. Raise OSError if a folder can't be listed."""

    def refuse(error: OSError) -> None:
        raise error

    return {
        str(Path(root, name).relative_to(folder)): Path(root, name).lstat().st_size
        for root, _, names in os.walk(folder, onerror=refuse)
        for name in sorted(names)
    }


def _discard(folder: Path) -> None:
    """Remove a damaged template. Raise OSError. Another process that copies from it fails, as it would have anyway."""
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    folder.rename(aside / "damaged")
    listing(folder).unlink(missing_ok=True)
    shutil.rmtree(aside)


def run_seed(*arguments: str) -> str:
    """Run the module that makes the template, as a child that ends with this process; return its output. Raise PortError."""
    return _run(bound_command(STOREFRONT.seed_module, *arguments), inherited_environment(bundled.compose()))


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd=FOLDER,
            capture_output=True,
            text=True,
            timeout=TEMPLATE_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PortError(f"can't prepare the database: {error}") from error
    if done.returncode:
        raise PortError(
            f"can't prepare the database: exit status {done.returncode}: {done.stderr.strip()[-1500:]}"
        )
    return done.stdout
