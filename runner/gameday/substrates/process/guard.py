"""Ends a run's processes when its runner vanishes: `python -m gameday.substrates.process.guard RUN`, a pipe as input.

The kernel closes the pipe however the runner ends, SIGKILL included. (Its own means, PR_SET_PDEATHSIG, is bound to the
thread that forked, reaches no grandchild, needs code between fork and exec.) A line on the pipe is the runner's word
that it cleaned up by itself.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping

from gameday.substrates.process.process_tree import REAP_S, sweep

GRACE_S = 2.0
DONE = b"done\n"


class Guard:
    """The runner's end of it."""

    def __init__(self, run_id: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gameday.substrates.process.guard", run_id],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Ends it without a sweep."""
        try:
            self._process.communicate(DONE, timeout=REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def main(run_id: str) -> None:
    """Waits for the runner's end; only then sweeps."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.readline() != DONE:
        sweep(run_id, GRACE_S)


if __name__ == "__main__":
    main(sys.argv[1])
