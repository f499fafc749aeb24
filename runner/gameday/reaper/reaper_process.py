"""The runner's end of the reaper: one for all runs that a process makes, whatever system they share.

    with Reaper() as reaper:
        reaper.watch(run_id, folder, "process", entry)
        ...

What it is told goes through a pipe, so it is told for good once a call returns. Leaving the block in good order
dismisses it; after an exception it stays, and takes down what stands once this process ends.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from gameday.host.child_python import FOLDER, child_command, minimal_environment
from gameday.ports import PortError
from gameday.reaper.runner_claim import claim

BEAT_S = 2.0
LOOK_S = 5.0
LOOKS = 4
"""So many looks in a row without a sign of life, and the runner counts as hung. Counted, and not taken from a clock:
on a machine that stood still itself every clock jumps."""
END_S = 5.0
ENGINE = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class Reaper:
    """Started with the first run. Safe from any thread. A reaper that was killed is replaced at the next beat."""

    def __init__(self, *, look_s: float = LOOK_S, beat_s: float = BEAT_S) -> None:
        self._look_s = look_s
        self._beat_s = beat_s
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._claims: list[socket.socket] = []
        self._watched: list[bytes] = []
        self._owed: dict[str, bytes] = {}
        self._ended = threading.Event()
        self.pulse: Callable[[], bool] = lambda: True
        """Whether what this process is there for goes on; while it doesn't, no sign of life is given."""

    def watch(self, run: str, folder: Path, substrate: str, entry: Path | None = None) -> None:
        """From now on everything of the run is taken down where this process ends without a word.

        `entry`: a file to be removed with it, that lists the run as under way. Raises PortError where no reaper can
        be started.
        """
        word = _line(
            {
                "watch": {
                    "run": run,
                    "folder": str(folder.resolve()),
                    "substrate": substrate,
                    "entry": str(entry.resolve()) if entry else None,
                }
            }
        )
        with self._lock:
            if held := claim(run):
                self._claims.append(held)
            self._watched.append(word)
            if self._process is None:
                self._spawn()
                threading.Thread(target=self._beat, name="reaper", daemon=True).start()
            else:
                self._say(word)

    def owe(
        self, key: str, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        """A POST that the reaper makes in this process's place: the resolving of a page. It is never on disk."""
        word = _line({"owe": {"key": key, "url": url, "body": dict(body), "headers": dict(headers or {})}})
        with self._lock:
            self._owed[key] = word
            self._say(word)

    def paid(self, key: str) -> None:
        """That request was made, or isn't due any more."""
        with self._lock:
            if self._owed.pop(key, None):
                self._say(_line({"paid": key}))

    def dismiss(self) -> None:
        """It ends without doing anything. Harmless where none was started."""
        self._ended.set()
        with self._lock:
            process, self._process = self._process, None
            while self._claims:
                self._claims.pop().close()
        if (
            process and process.stdin and not process.stdin.closed
        ):  # closed: it was killed, and has no successor
            try:
                process.communicate(_line({"done": True}), timeout=END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    @property
    def pid(self) -> int | None:
        """The reaper's own process; None where none was needed yet."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Reaper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.dismiss()

    def _spawn(self) -> None:
        """A new one, told all that the last one knew. In a session of its own, out of a terminal's reach."""
        environment = minimal_environment() | {key: os.environ[key] for key in ENGINE if key in os.environ}
        command = child_command("-m", "gameday.reaper", str(os.getpid()), str(self._look_s), str(LOOKS))
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise PortError(f"no reaper can be started, so nothing is: {error}") from error
        for word in (*self._watched, *self._owed.values()):
            self._say(word, again=False)

    def _say(self, word: bytes, *, again: bool = True) -> None:
        """Where the reaper is gone, another is told."""
        with self._lock:
            process = self._process
            if process is None or process.stdin is None:
                return
            try:
                process.stdin.write(word)
            except (OSError, ValueError):  # ValueError: closed below, and no other could be started then
                if again:
                    with suppress(OSError):
                        process.stdin.close()
                    process.kill()
                    process.wait()
                    self._spawn()

    def _beat(self) -> None:
        """A sign of life for as long as this process runs, and its run goes on: one that was stopped gives none."""
        while not self._ended.wait(self._beat_s):
            if self.pulse():
                with suppress(PortError):
                    self._say(b"\n")


def _line(word: Mapping[str, Any]) -> bytes:
    return json.dumps(word).encode() + b"\n"


__all__ = ["Reaper"]
