"""Says on this machine that a run's runner lives: an abstract Unix socket of the run's name, held by the runner.

The kernel takes it back however the runner ends, and no file is left. It is seen in the machine's network namespace,
whoever's the run is and wherever its list of runs is kept.
"""

from __future__ import annotations

import socket


def _name(run: str) -> str:
    return f"\0gameday-run-{run}"


def claim(run: str) -> socket.socket | None:
    """Held until it is closed. None where somebody has it."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(_name(run))
    except OSError:
        held.close()
        return None
    return held


def claimed(run: str) -> bool:
    held = claim(run)
    if held is None:
        return True
    held.close()
    return False
