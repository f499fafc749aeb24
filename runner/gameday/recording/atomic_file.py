"""Atomic writes: a file is replaced as a whole, and a symbolic link is replaced rather than followed.

Everything that gameday writes goes through here, except what is appended (journal, shards). Also the words for a file
that can't be written: which file, why, and what to do.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

FULL = (errno.ENOSPC, errno.EDQUOT)
ADVICE = "; free some space there, or name a folder on another disk with --out"


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[IO[bytes]]:
    """Replace `path` by what the block writes. If the block or the disk fails, leave the old file as it is.

    The new file has `mode`, less the umask, from the start. With `durable` it is fsynced before it replaces the old
    one. Raise OSError if it can't be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Replace `path` by `text`, in UTF-8, so that a reader never sees half a file. Raise OSError."""
    with replacing(path, mode=mode) as file:
        file.write(text.encode())


def write_json(path: Path, content: Any, *, mode: int = 0o666) -> None:
    """Replace `path` by indented JSON. Raise OSError, or ValueError if a number is NaN or infinite."""
    write(path, json_text(content), mode=mode)


def json_text(content: Any) -> str:
    """Return the JSON of a file: indented, ending in a line feed. Raise ValueError if a number is NaN or infinite."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def full(error: OSError) -> bool:
    """Return True if the disk was full. A failed copy of a tree holds the errors of all its files in one."""
    return error.errno in FULL or (
        isinstance(error, shutil.Error) and os.strerror(errno.ENOSPC) in str(error)
    )


def advice(error: OSError) -> str:
    """Return what to do about an error, to be appended to its text; "" unless the disk was full."""
    return ADVICE if full(error) else ""


def unwritable(error: OSError, path: Path) -> str:
    """Return `runs/x/journal.jsonl can't be written: No space left on device; free …`.

    The file is the one that the error names, else `path`.
    """
    why = os.strerror(errno.ENOSPC) if full(error) else error.strerror or str(error)
    return f"{error.filename or path} can't be written: {why}{advice(error)}"


def words(error: OSError, path: Path) -> str:
    """Return `unwritable` if the disk was full, else the error's own text."""
    return unwritable(error, path) if full(error) else str(error)
