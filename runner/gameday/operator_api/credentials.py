"""Address and token of a run's operators' API, in a file that only its owner can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gameday.recording import atomic_file


@dataclass(frozen=True)
class Credentials:
    """Where the API of `run` listens, and its token, which no representation shows.

    `alerts_token` lets alerts from outside in, and nothing else; "" if the run takes none.
    """

    run: str
    host: str
    port: int
    token: str = field(repr=False)
    alerts_token: str = field(default="", repr=False)


def new_token() -> str:
    """Return a random token of 256 bits."""
    import secrets  # only the run draws a token, and commands have to start fast

    return secrets.token_urlsafe(32)


@contextmanager
def credentials_file(credentials: Credentials, folder: Path) -> Iterator[Path]:
    """Keep the credentials in `<folder>/<run>.json`, mode 600, while the block runs. Raise OSError.

    The file is moved into place, so that it is never seen half-written or with another mode.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{credentials.run}.json"
    atomic_file.write_json(path, asdict(credentials), mode=0o600)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def read_credentials(path: Path) -> Credentials:
    """Read such a file. Raise OSError, or ValueError if its content isn't valid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Credentials(
            str(content["run"]),
            str(content["host"]),
            int(content["port"]),
            str(content["token"]),
            str(content.get("alerts_token", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} doesn't hold the credentials of an operators' API") from error
