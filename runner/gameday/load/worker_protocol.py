"""Protocol between the load's process and its worker: lines over the worker's standard input and output.

| on its input | on its output |
|---|---|
| | `ready`, once |
| `begin <seconds>`, once | |
| `surge <seconds> <factor>` | `surged <seconds, as requested> <seconds, as done>` |
| `retry <n>` | `retrying <n>` |

A worker that ends by itself writes the reason as its last output and into its log, and has an exit status of those
below.
"""

from __future__ import annotations

import sys
from contextlib import suppress

EXIT_USAGE = 64  # the plan can't be used
EXIT_BROKE = 70  # an error in the worker
EXIT_IO = 74  # the samples can't be written
LONGEST_REASON = 8000  # characters, well within what a pipe holds without a reader


def say(line: str) -> None:
    """Write a line to the load's process."""
    print(line, flush=True)  # noqa: T201


def report_failure(reason: str) -> None:
    """Write the reason to the log and to the load's process: a log on a full disk holds nothing."""
    for stream in (sys.stderr, sys.stdout):
        with suppress(OSError):
            print(reason[-LONGEST_REASON:], file=stream, flush=True)
