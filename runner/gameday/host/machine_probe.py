"""A fixed piece of work that tells how fast this machine is now: a child Python that starts, computes and ends.

Starting processes and computing is what a deploy and a roll-back do. The work never changes, so that its time can be
compared between runs, machines and versions.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from gameday.host.child_python import FOLDER, minimal_environment

ROUNDS = 5
WORK = "total = 0\nfor i in range(200_000): total += i * i"
TIMEOUT = 20.0


def probe() -> float | None:
    """Return the median seconds of the work over a few rounds; None if a child can't be started or hangs."""
    try:
        return median(_round() for _ in range(ROUNDS))
    except (OSError, subprocess.SubprocessError):
        return None


def _round() -> float:
    began = time.perf_counter()
    subprocess.run(  # an isolated interpreter without site-packages: nothing of the user's is loaded
        [sys.executable, "-I", "-S", "-c", WORK],
        check=True,
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
        env=minimal_environment(),
        cwd=FOLDER,
    )
    return time.perf_counter() - began
