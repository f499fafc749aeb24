"""Programs of the user's: run without a shell, in a session of their own, with a time-out and a bounded log."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

LOOK_S = 0.05
TAIL = 2000
"""Bytes at the end of a program's output that are shown."""


class Settable(Protocol):
    """Says whether to stop: a `threading.Event`, or something made of several."""

    def is_set(self) -> bool: ...


class CommandFailed(Exception):
    """A program couldn't be started, ended with another status than 0, or exceeded its time-out. The text says which."""


def filled(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the arguments with each `${name}` of `values` filled in."""
    arguments = list(command)
    for name, value in values.items():
        arguments = [argument.replace(f"${{{name}}}", value) for argument in arguments]
    return arguments


def run_command(arguments: Sequence[str], timeout: float, folder: Path, stop: Settable | None = None) -> str:
    """Run a program in `folder` and return its standard output. Raise CommandFailed.

    Output goes to a file, so that a server which the program leaves running doesn't hold the call up. At the time-out,
    and once `stop` is set, the program and its children are killed.
    """
    shown = " ".join(arguments)[:300]
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(arguments),
                cwd=folder,
                env=dict(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CommandFailed(f"{shown}: can't be started in {folder}: {reason}") from error
        stopped = _await(process, timeout, stop)
        if stopped:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise CommandFailed(f"{shown}: {stopped}, and was killed{_said(log, output)}")
        status = process.returncode
        if status:
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            raise CommandFailed(f"{shown}: {how}{_said(log, output)}")
        output.seek(0)
        return output.read().decode(errors="replace")


def _await(process: subprocess.Popen[bytes], timeout: float, stop: Settable | None) -> str:
    """Wait for the program's end; return why it isn't waited for any longer, "" if it has ended."""
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, left if stop is None else min(left, LOOK_S)))
            return ""
        if stop is not None and stop.is_set():
            return "was cancelled"
        if time.monotonic() >= end:
            return f"not done within {timeout:g} s"


def _said(*files: IO[bytes]) -> str:
    """Return the end of what the program wrote, the errors first."""
    for file in files:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(0, size - TAIL))
        text = file.read().decode(errors="replace").strip()
        if text:
            return f": {text}"
    return ""
