"""Standard output and error that survive closed pipes, terminals that hang up and full disks."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from gameday.recording.printable_text import visible

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
NO_READER = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET)
"""Errors of a stream that will never be read."""
OWN = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|[\r\a])")
"""What a terminal is sent on purpose: colours, cursor movements and the bell of a page."""


class StandardStream:
    """A standard stream that drops what it can't write, so that the work goes on.

    Control characters in what is written become escapes, so that no text from outside acts on a terminal or a CI log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_colours = stream.isatty() or "FORCE_COLOR" in os.environ
        self.lost = ""
        """Why text was dropped that there may be a reader for; "" if none was."""

    def write(self, text: str) -> int:
        return self._attempt(lambda: self._stream.write(self._shown(text)), len(text))

    def _shown(self, text: str) -> str:
        if not self._has_colours:
            return visible(text)
        return "".join(part if OWN.fullmatch(part) else visible(part) for part in OWN.split(text))

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
    from gameday.console.rich_console import console

    return console(stderr=not on_stdout, highlight=False)


def blocking(stream: TextIO | None) -> TextIO:
    """Return the stream in blocking mode, so that it waits for slow readers; os.devnull if it is closed (None)."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the life of the process
    with suppress(OSError, ValueError):
        os.set_blocking(stream.fileno(), True)
    return stream
