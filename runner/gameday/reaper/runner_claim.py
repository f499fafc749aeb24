"""Claim that a run's runner lives: an abstract Unix socket with the run's name, held by the runner.

The kernel closes it however the runner ends, and leaves no file. Every account of the machine's network namespace sees
it, wherever the run's entry in a list of runs is.
"""

from __future__ import annotations

import socket


def _name(run: str) -> str:
    return f"\0gameday-run-{run}"


def claim(run: str) -> socket.socket | None:
    """Claim the run until the returned socket is closed; return None if another process holds the claim."""
    claim_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim_socket.bind(_name(run))
    except OSError:
        claim_socket.close()
        return None
    return claim_socket


def claimed(run: str) -> bool:
    """Return True if a process holds the run's claim."""
    claim_socket = claim(run)
    if claim_socket is None:
        return True
    claim_socket.close()
    return False
