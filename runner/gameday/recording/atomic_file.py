"""Files that a run writes: whole ones, which replace what stood there and never follow a link; and, where one can't be
written, which one, why, and what to do, in plain words.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
ADVICE = "; free some space there, or name a folder on another disk with --out"


def write(path: Path, text: str) -> None:
    """At once, so that a reader never sees half a file. Raises OSError, and leaves what stood there then."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def full(error: OSError) -> bool:
    """Whether the disk was. Of a tree that is copied the errors of all its files are one."""
    return error.errno in FULL or (
        isinstance(error, shutil.Error) and os.strerror(errno.ENOSPC) in str(error)
    )


def advice(error: OSError) -> str:
    """Appended to the words for an error; empty where the disk isn't full."""
    return ADVICE if full(error) else ""


def unwritable(error: OSError, path: Path) -> str:
    """`runs/x/journal.jsonl can't be written: No space left on device; free …`. The error's own file, else `path`."""
    why = os.strerror(errno.ENOSPC) if full(error) else error.strerror or str(error)
    return f"{error.filename or path} can't be written: {why}{advice(error)}"


def words(error: OSError, path: Path) -> str:
    """`unwritable` where the disk is full, else the error's own words."""
    return unwritable(error, path) if full(error) else str(error)
