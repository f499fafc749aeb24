"""The last step of the command: its process ends, also where a thread of it hangs in a call that never returns.

Python waits for threads of pools before it lets a process go. By then the run is over, its files are written, and what
couldn't be taken down has been told.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

PATIENCE_S = 10.0
"""For threads that only haven't finished yet."""


def leave(status: int, patience: float = PATIENCE_S) -> NoReturn:
    """Raises SystemExit; where the process isn't gone soon after, it is ended with the same status."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    watch = threading.Timer(patience, _end, (status,))
    watch.daemon = True
    watch.start()
    sys.exit(status)


def _end(status: int) -> None:
    apart = (threading.main_thread(), threading.current_thread())
    hung = sorted({each.name.partition("_")[0] for each in threading.enumerate() if each not in apart})
    print(f"still hanging, and left to itself: {', '.join(hung)}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(status)
