"""Standard output and error that survive closed pipes, terminals that hang up and full disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
NO_READER = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET)
"""Errors of a stream that will never be read."""


class StandardStream:
    """A standard stream that drops what it can't write, so that the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = ""
        """Why text was dropped that there may be a reader for; "" if none was."""

    def write(self, text: str) -> int:
        return self._attempt(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        self._attempt(self._stream.flush, None)

    def _attempt(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except OSError as error:
            if error.errno in NO_READER:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            else:
                self.lost = error.strerror or str(error)
            return otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def result_console(*, on_stdout: bool) -> Console:
    """Return a console for results: on standard output, or on standard error if that is for JSON or a whole suite."""
    from rich.console import Console

    return Console(stderr=not on_stdout, highlight=False)


def blocking(stream: TextIO | None) -> TextIO:
    """Return the stream in blocking mode, so that it waits for slow readers; os.devnull if it is closed (None)."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the life of the process
    with suppress(OSError, ValueError):
        os.set_blocking(stream.fileno(), True)
    return stream
