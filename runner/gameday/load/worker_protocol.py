"""What the load's process and its worker say to one another: lines over the worker's standard input and output.

| told on its input | said on its output |
|---|---|
| | `ready`, once |
| `begin <seconds>`, once | |
| `surge <seconds> <factor>` | `surged <seconds, as told> <seconds, as done>` |
| `retry <n>` | `retrying <n>` |

A worker that ends by itself says why, as its last words and in its log, and has an exit status of those below.
"""

from __future__ import annotations

import sys
from contextlib import suppress

EXIT_USAGE = 64  # the plan can't be used
EXIT_BROKE = 70  # an error in the worker
EXIT_IO = 74  # the samples can't be written
LAST_WORDS = 8000  # characters, well within what a pipe holds without a reader


def say(line: str) -> None:
    """To the process."""
    print(line, flush=True)  # noqa: T201


def tell(why: str) -> None:
    """The reason of a failure, to the log and to the process: a log on a disk that is full says nothing."""
    for stream in (sys.stderr, sys.stdout):
        with suppress(OSError):
            print(why[-LAST_WORDS:], file=stream, flush=True)
