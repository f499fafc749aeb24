"""Keeps a drill's secret while it goes on: journal and scenario of the run lie sealed on disk, line by line.

The key lies beside them, so that a reaper, or a hand, can open what a killed runner left: an envelope, and no safe. Who
searches the run's folder finds neither the scenario nor its fault; who wants to open it can. Cipher: Fernet, of the
package `cryptography`, imported only where something is sealed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gameday.recording import atomic_file

KEY = "seal.key"
SUFFIX = ".sealed"
Encode = Callable[[str], str]


class Seal:
    """The seal of one run's folder. Raises OSError where the key can't be written."""

    def __init__(self, folder: Path) -> None:
        from cryptography.fernet import Fernet

        key = Fernet.generate_key()
        with os.fdopen(os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
        self._cipher = Fernet(key)

    def line(self, text: str) -> str:
        """The sealed line, without an end."""
        return self._cipher.encrypt(text.encode()).decode("ascii")

    def path(self, path: Path) -> Path:
        """Where the sealed file lies that `unseal` makes `path` of."""
        return path.with_name(path.name + SUFFIX)

    def write(self, path: Path, text: str) -> None:
        """A whole file, sealed."""
        atomic_file.write(self.path(path), "".join(f"{self.line(line)}\n" for line in text.splitlines()))


def sealed(folder: Path) -> bool:
    """Whether a drill goes on there, or one was never opened."""
    return (folder / KEY).is_file()


def unseal(folder: Path) -> None:
    """Opens every sealed file of the folder; harmless twice, and where none is. A line cut short is left out.

    Raises OSError; the sealed file stays until its open one is whole.
    """
    if not sealed(folder):
        return
    for path in folder.glob(f"*{SUFFIX}"):
        _open(path, (folder / KEY).read_bytes())
    (folder / KEY).unlink()


def _open(path: Path, key: bytes) -> None:
    """The open file takes the sealed one's place."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        cipher = Fernet(key)
    except ValueError as error:
        raise OSError(f"{path.with_name(KEY)} is no key: {path.name} stays sealed") from error
    opened = path.with_suffix("")
    with path.open("rb") as lines, atomic_file.replacing(opened, durable=True) as file:
        for line in lines:
            try:
                file.write(cipher.decrypt(line.strip()) + b"\n")
            except InvalidToken:
                break
    path.unlink()
