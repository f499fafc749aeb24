"""Run a module as a child that ends if its parent does: `python -m gameday.host.bound_child PARENT MODULE ARGUMENT…`.

The kernel sends SIGTERM if the thread that started the child ends, SIGKILL of its process included. The module then cleans
up as after Ctrl-C: temporary folders and processes of its own are gone.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

from gameday.host.child_python import child_command

PR_SET_PDEATHSIG = 1


def bound_command(module: str, *arguments: str) -> list[str]:
    """Return the argv that runs a module bound to this process."""
    return child_command("-m", "gameday.host.bound_child", str(os.getpid()), module, *arguments)


def _interrupt(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(parent: int, module: str, *arguments: str) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
