"""Template of the shop's preloaded database: made once for each content, kept in the user's cache."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gameday.host.child_python import FOLDER, child_command, inherited_environment
from gameday.ports import PortError
from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import bundled

TEMPLATE_TIMEOUT = 180.0


def template() -> Path:
    """Return the preloaded Postgres data directory, making it first if it isn't cached. Raise PortError."""
    environment = inherited_environment(bundled.compose())
    key = _run(child_command("-m", STOREFRONT.seed_module, "--key"), environment).strip()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "gameday" / f"template-{key}"
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortError(f"can't keep the database's template: {error}; set XDG_CACHE_HOME") from error
        _run(child_command("-m", STOREFRONT.seed_module, str(folder.resolve())), environment)
    return folder


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
