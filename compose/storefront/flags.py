"""Feature flags of an instance: one for each risky path, switched by operators while it runs.

Every service knows all of them, so that an operator may tell everybody; each looks only at its own. They live as long
as the process: what is to begin otherwise than by default is told so by FLAGS, or a kill switch would undo itself with
the first instance that is started anew.
"""

import os
import sys
from collections.abc import Mapping

from .problems import Problem

DEFAULTS: Mapping[str, bool] = {
    # Paths that can be closed at the gateway: a 503 at once.
    "checkout": True,
    "orders": True,
    "costs": True,
    # Degraded modes, switched on by hand: pricing and payments aren't asked.
    "degraded-prices": False,
    "queue-checkout": False,
    # What others bought, on the product page.
    "recommendations": False,
}


WORDS: Mapping[str, bool] = {"on": True, "off": False}


class Flags:
    """The flags by name; `flags["checkout"]`."""

    def __init__(self) -> None:
        self._values = dict(DEFAULTS)

    @classmethod
    def from_environment(cls) -> "Flags":
        """From FLAGS, `checkout=off,queue-checkout=on`; SystemExit for what isn't `name=on` or `name=off`.

        A flag that isn't known here is told on stderr and left out: an older release must still start.
        """
        flags = cls()
        for each in filter(None, os.environ.get("FLAGS", "").split(",")):
            name, _, value = each.strip().partition("=")
            if value not in WORDS:
                raise SystemExit(f"FLAGS: {each.strip()[:64]} is not name=on or name=off")
            if name in DEFAULTS:
                flags.switch({name: WORDS[value]})
            else:
                print(f"FLAGS: no flag is called {name[:64]}", file=sys.stderr)  # noqa: T201
        return flags

    def __getitem__(self, name: str) -> bool:
        return self._values[name]

    def closed(self, name: str) -> bool:
        """Whether `name` is a path that was switched off; a path without a flag is always open."""
        return not self._values.get(name, True)

    def all(self) -> dict[str, bool]:
        """Every flag as it is."""
        return dict(self._values)

    def switch(self, values: Mapping[str, object]) -> None:
        """Set the given flags, all or none. Raise Problem 400 for an unknown name or a value that
        isn't a boolean."""
        checked: dict[str, bool] = {}
        for name, value in values.items():
            if name not in DEFAULTS:
                raise Problem(400, f"no flag is called {name[:64]}; there are {', '.join(DEFAULTS)}")
            if not isinstance(value, bool):
                raise Problem(400, f"{name} must be true or false")
            checked[name] = value
        self._values |= checked
