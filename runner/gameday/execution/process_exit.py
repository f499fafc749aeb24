"""Exit of the command, even if one of its threads hangs in a call that never returns.

Python waits for the threads of pools before a process exits. By then the run is over, its files are written, and what
couldn't be torn down has been reported.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

PATIENCE_S = 10.0
"""How long threads may still take to finish."""


def leave(status: int, patience: float = PATIENCE_S) -> NoReturn:
    """Raise SystemExit; if threads keep the process alive for `patience` seconds, end it with the same status."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    watch = threading.Timer(patience, _end, (status,))
    watch.daemon = True
    watch.start()
    sys.exit(status)


def _end(status: int) -> None:
    apart = (threading.main_thread(), threading.current_thread())
    hung = sorted({thread.name.partition("_")[0] for thread in threading.enumerate() if thread not in apart})
    print(f"threads still hang and were abandoned: {', '.join(hung)}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(status)
