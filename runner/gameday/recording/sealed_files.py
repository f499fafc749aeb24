"""Sealed files of a drill: journal and scenario are encrypted on disk, line by line, while the drill goes on.

The key lies beside them, so that the reaper or `gameday heal` can open what a killed runner left. A search of the run's
folder finds neither the scenario nor its fault; anyone on the same account can open the files. The cipher is Fernet, of
the package `cryptography`, which is imported only if something is sealed.
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
    """The seal of one run's folder. Raise OSError if the key can't be written."""

    def __init__(self, folder: Path) -> None:
        from cryptography.fernet import Fernet

        key = Fernet.generate_key()
        with os.fdopen(os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
        self._cipher = Fernet(key)

    def line(self, text: str) -> str:
        """Return the encrypted line, without a line feed."""
        return self._cipher.encrypt(text.encode()).decode("ascii")

    def path(self, path: Path) -> Path:
        """Return the path of the sealed file that `unseal` opens as `path`."""
        return path.with_name(path.name + SUFFIX)

    def write(self, path: Path, text: str) -> None:
        """Write a whole file, sealed. Raise OSError if it can't be written."""
        atomic_file.write(self.path(path), "".join(f"{self.line(line)}\n" for line in text.splitlines()))


def sealed(folder: Path) -> bool:
    """Return True if the folder holds sealed files: of a drill that goes on, or one that was never opened."""
    return (folder / KEY).is_file()


def unseal(folder: Path) -> None:
    """Decrypt every sealed file of the folder. Idempotent; a line cut short is left out.

    Raise OSError if a file can't be read or written; a sealed file stays until its open copy is complete.
    """
    if not sealed(folder):
        return
    for path in folder.glob(f"*{SUFFIX}"):
        _open(path, (folder / KEY).read_bytes())
    (folder / KEY).unlink()


def _open(path: Path, key: bytes) -> None:
    """Replace a sealed file by its open copy."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        cipher = Fernet(key)
    except ValueError as error:
        raise OSError(f"{path.with_name(KEY)} isn't a valid key: {path.name} stays sealed") from error
    opened = path.with_suffix("")
    with path.open("rb") as lines, atomic_file.replacing(opened, durable=True) as file:
        for line in lines:
            try:
                file.write(cipher.decrypt(line.strip()) + b"\n")
            except InvalidToken:
                break
    path.unlink()
