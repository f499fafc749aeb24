"""The optional package `river` and its concept-drift detectors, loaded when first needed.

It brings scipy along, 160 MB for two detectors that only watch unless asked, and takes a second to import. So it is an
extra of the package, and a scenario that names one of its detectors without it gets a located error.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from gameday.ports import PortError

MISSING = "needs the package river, which isn't installed"
HINT = "pip install 'gameday-runner[river]'"


def installed() -> bool:
    return importlib.util.find_spec("river") is not None


def load() -> Any:
    """Return the module river.drift. Raise PortError if it isn't installed."""
    try:
        return importlib.import_module("river.drift")
    except ModuleNotFoundError as error:
        raise PortError(f"this detector {MISSING}: {HINT}") from error
