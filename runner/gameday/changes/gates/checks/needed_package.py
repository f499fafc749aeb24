"""Packages that some gates need and that gameday doesn't install by itself: `pip install 'gameday-runner[gates]'`."""

from __future__ import annotations

import importlib
from typing import Any

from gameday.ports import PortError


def needed(module: str, gate: str, package: str) -> Any:
    """Return a module of an optional package. Raise PortError with what to install if it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PortError(
            f"the gate {gate} needs {package}: pip install 'gameday-runner[gates]' ({error})"
        ) from error
