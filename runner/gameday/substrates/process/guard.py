"""Guard: ends a run's processes if its runner vanishes. `python -m gameday.substrates.process.guard RUN`, fed by a pipe.

The kernel closes the pipe however the runner ends, SIGKILL included. (The kernel's own PR_SET_PDEATHSIG is bound to the
thread that forked, reaches no grandchild, and needs code between fork and exec.) A line on the pipe says that the
runner has cleaned up by itself.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from gameday.host.child_python import FOLDER, child_command, minimal_environment
from gameday.ports import PortError
from gameday.substrates.instance_log import log_end
from gameday.substrates.process.process_tree import REAP_S, sweep

GRACE_S = 2.0
MODULE = "gameday.substrates.process.guard"
DONE = b"done\n"


class Guard:
    """The runner's side: starts the guard process and dismisses it. `log` takes what the process prints."""

    def __init__(self, run_id: str, log: Path) -> None:
        self._run_id = run_id
        self._log = log
        self._process = self._spawn()

    def check(self) -> None:
        """Replace a guard that was killed; raise PortError if it ended by itself."""
        status = self._process.poll()
        if status is None:
            return
        if status > 0:
            raise PortError(
                f"the guard process of run {self._run_id} ended with exit status {status}; "
                f"its log ends with\n{log_end(self._log)}\n(all of it in {self._log})"
            )
        self._close()
        self._process = self._spawn()

    def dismiss(self) -> None:
        """End the guard without a sweep."""
        try:
            self._process.communicate(DONE, timeout=REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                child_command("-m", MODULE, self._run_id),
                env=minimal_environment(),
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def _close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()


def main(run_id: str) -> None:
    """Wait for the runner's end; sweep unless the runner said that it is done."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.readline() != DONE:
        sweep(run_id, GRACE_S)


if __name__ == "__main__":
    main(sys.argv[1])
