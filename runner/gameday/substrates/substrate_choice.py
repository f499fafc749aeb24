"""Choice of the substrate for this machine, with the reason for the screen and the report."""

from __future__ import annotations

from gameday.ports import PortError
from gameday.substrates import KINDS

AUTO = "auto"
ORDER = ("docker", "process")
"""Kinds that `auto` tries, best first. A plug-in's kind is used only if it is named."""


def choose(wanted: str) -> tuple[str, str]:
    """Return the name of a substrate that can be used here, and why it was chosen.

    Raise PortError if the wanted one can't be used, KeyError if it isn't registered.
    """
    if wanted != AUTO:
        able, why = KINDS[wanted].available()
        if not able:
            raise PortError(why)
        return wanted, "asked for"
    reason = ""
    for name in ORDER:
        able, why = KINDS[name].available()
        if able:
            return name, reason or why
        reason = why
    raise PortError(reason)
