"""Address and token of a run's door, in a file that only its owner can read.

Which folder that is, and which runs still go on, is left to the command line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """What opens the door of `run`. The token is kept out of every representation."""

    run: str
    host: str
    port: int
    token: str = field(repr=False)


def new_token() -> str:
    import secrets  # the commands, which are in a hurry, draw none

    return secrets.token_urlsafe(32)


@contextmanager
def written(key: Key, folder: Path) -> Iterator[Path]:
    """Keeps the key in `<folder>/<run>.json`, mode 600, for as long as the block lasts. Raises OSError.

    It is moved into place: nobody ever reads half a key, nor one whose mode isn't set yet.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{key.run}.json"
    new = folder / f".{key.run}.{os.getpid()}"
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(asdict(key), file)
        new.replace(path)
        yield path
    finally:
        for each in (new, path):
            each.unlink(missing_ok=True)


def read_key(path: Path) -> Key:
    """Raises OSError, or ValueError where the file is no key."""
    found = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Key(str(found["run"]), str(found["host"]), int(found["port"]), str(found["token"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no key of a door") from error
