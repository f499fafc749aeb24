"""Drawings made in a child process, with limits of time and memory.

A chart library that hangs, crashes or takes all memory costs a page its charts, and nothing else.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gameday.host.child_python import FOLDER, child_command, minimal_environment

SCRIPT = Path(__file__).with_name("drawing_child.py")
START_S, DRAW_S = 20.0, 10.0
"""Seconds for the first drawing, which starts V8, and for each further one."""
REST_S = 60.0
"""Seconds after a failure in which nothing is drawn: all charts of a page fail at once, not each after its time."""


class DrawingError(Exception):
    """A chart can't be drawn; the text says why."""


class DrawingProcess:
    """A child that draws; started on the first use, and again after it failed. Thread-safe."""

    def __init__(self, command: list[str], start_s: float = START_S, draw_s: float = DRAW_S) -> None:
        self._command = command
        self._limits = start_s, draw_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._drawn = 0
        self._failure = ""
        self._rest_until = 0.0

    def start(self) -> None:
        """Start the child without waiting for it, so that it is warm when the first drawing is asked for."""
        with self._lock, suppress(DrawingError):
            self._running()

    def draw(self, specification: Mapping[str, Any]) -> str:
        """Return the SVG of a Vega-Lite specification. Raise DrawingError."""
        with self._lock:
            if time.monotonic() < self._rest_until:
                raise DrawingError(self._failure)
            try:
                answer = self._ask(self._running(), json.dumps(specification).encode() + b"\n")
            except DrawingError as error:
                self._failure, self._rest_until = str(error), time.monotonic() + REST_S
                self._stop()
                raise
        if isinstance(answer, dict):
            raise DrawingError(str(answer.get("error")))
        return str(answer)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the child of this process; a fork's parent's child is left to the parent."""
        if self._child is not None and self._owner == os.getpid() and self._child.poll() is None:
            return self._child
        self._stop()
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=minimal_environment(), cwd=FOLDER,
            )  # fmt: skip
        except OSError as error:
            raise DrawingError(f"no process could be started: {error.strerror}") from error
        self._owner, self._drawn = os.getpid(), 0
        return self._child

    def _ask(self, child: subprocess.Popen[bytes], line: bytes) -> Any:
        """Return the child's answer to a line. Raise DrawingError if it ends, or doesn't answer in time."""
        assert child.stdin is not None
        assert child.stdout is not None
        limit = self._limits[bool(self._drawn)]
        deadline = time.monotonic() + limit
        received = bytearray()
        try:
            child.stdin.write(line)
            child.stdin.flush()
            while not received.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
                    raise DrawingError(f"the chart library took over {limit:g} s")
                part = os.read(child.stdout.fileno(), 2**20)
                if not part:
                    raise DrawingError(_ended(child))
                received += part
        except OSError as error:
            raise DrawingError(_ended(child)) from error
        self._drawn += 1
        return json.loads(received)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None or self._owner != os.getpid():
            return
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        child.kill()
        child.wait()


def _ended(child: subprocess.Popen[bytes]) -> str:
    """Return how a child ended, in words."""
    with suppress(subprocess.TimeoutExpired):
        status = child.wait(1.0)
        if status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
            return f"the chart library was ended by {name}; a limit of memory (ulimit -v) does this"
        return f"the chart library ended with status {status}; a limit of memory (ulimit -v) does this"
    return "the chart library closed its output"


DRAWING = DrawingProcess(child_command(str(SCRIPT)))
"""The child of this process that all pages are drawn by."""
atexit.register(DRAWING.close)
