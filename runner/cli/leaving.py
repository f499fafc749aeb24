"""The last step of the command: its process ends, also where a thread of it hangs in a call that never returns.

Python waits for such threads before it lets a process go. By then the run is over, its files are written, and what
couldn't be taken down has been told.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

PATIENCE_S = 10.0
"""For threads that only haven't finished yet."""


def leave(status: int, patience: float = PATIENCE_S) -> NoReturn:
    """Ends the process with `status`; raises SystemExit where nothing hangs."""
    until = time.monotonic() + patience
    for thread in _others():
        thread.join(max(0.0, until - time.monotonic()))
    hung = sorted({thread.name.partition("_")[0] for thread in _others()})
    if not hung:
        sys.exit(status)
    print(f"still hanging, and left to itself: {', '.join(hung)}", file=sys.stderr)  # noqa: T201
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _others() -> Sequence[threading.Thread]:
    """Those for which Python would wait."""
    return [each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon]
