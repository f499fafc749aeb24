"""The preloaded database of the shop: made once for each content, and kept in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gameday.ports import PortError
from gameday.topology import bundled

TEMPLATE_TIMEOUT = 180.0


def template() -> Path:
    """The preloaded Postgres data directory, made once for each content and kept in the user's cache."""
    environment = {**os.environ, "PYTHONPATH": str(bundled.compose())}
    key = _run([sys.executable, "-m", "storefront.seed", "--key"], environment).strip()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "gameday" / f"template-{key}"
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortError(f"can't keep the database's template: {error}; set XDG_CACHE_HOME") from error
        _run([sys.executable, "-m", "storefront.seed", str(folder)], environment)
    return folder


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=TEMPLATE_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PortError(f"can't prepare the database: {error}") from error
    if done.returncode:
        raise PortError(f"can't prepare the database: {done.stderr.strip()[-1500:]}")
    return done.stdout
