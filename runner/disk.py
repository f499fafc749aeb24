"""A file that can't be written, in plain words: which one, why, and what to do about it."""

from __future__ import annotations

import errno
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
ADVICE = "; free some space there, or name a folder on another disk with --out"


def advice(error: OSError) -> str:
    """Appended to the words for an error; empty where the disk isn't full."""
    return ADVICE if error.errno in FULL else ""


def unwritable(error: OSError, path: Path) -> str:
    """`runs/x/journal.jsonl can't be written: No space left on device; free …`. The error's own file, else `path`."""
    return f"{error.filename or path} can't be written: {error.strerror or error}{advice(error)}"
