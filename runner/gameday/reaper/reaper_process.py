"""The runner's side of the reaper: one reaper process for all runs of this process, whatever system they share.

    with Reaper() as reaper:
        reaper.watch(run_id, folder, "process", entry)
        ...

Messages go through a pipe, so a message is safe once its call has returned. Leaving the block normally dismisses the
reaper; after an exception the reaper stays and cleans up once this process has ended.
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

from gameday.host.child_python import FOLDER, child_command, inherited_environment
from gameday.ports import PortError
from gameday.reaper.runner_claim import claim
from gameday.reaper.runner_messages import PendingRequest, RunnerMessage

BEAT_S = 2.0
LOOK_S = 5.0
LOOKS = 4
"""How many looks in a row without a sign of life make a runner count as hung. They are counted rather than timed, since
every clock jumps on a machine that was suspended."""
END_S = 5.0


class Reaper:
    """Starts with the first run. Thread-safe. A reaper process that was killed is replaced at the next beat."""

    def __init__(self, *, look_s: float = LOOK_S, beat_s: float = BEAT_S) -> None:
        self._look_s = look_s
        self._beat_s = beat_s
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._claims: dict[str, socket.socket] = {}
        self._watched: list[bytes] = []
        self._pending: dict[str, bytes] = {}
        self._due: list[bytes] = []
        """Each request to make later, and the message that it is due."""
        self._ended = threading.Event()
        self.pulse: Callable[[], bool] = lambda: True
        """Returns True while this process makes progress; while it doesn't, the reaper gets no sign of life."""

    def watch(
        self, run: str, folder: Path, substrate: str, entry: Path | None = None, key: Path | None = None
    ) -> None:
        """Let the reaper remove everything of the run if this process ends without `dismiss`.

        Two files are removed with it: `entry`, which lists the run as under way, and `key`, which has the token of its
        operators' API. Raise PortError if no reaper can be started.
        """
        message = _line(
            {
                "watch": {
                    "run": run,
                    "folder": str(folder.resolve()),
                    "substrate": substrate,
                    "entry": str(entry.resolve()) if entry else None,
                    "key": str(key.resolve()) if key else None,
                }
            }
        )
        with self._lock:
            if claim_socket := claim(run):
                self._claims[run] = claim_socket
            self._watched.append(message)
            if self._process is None:
                self._spawn()
                threading.Thread(target=self._beat, name="reaper", daemon=True).start()
            else:
                self._send(message)

    def leave_request(
        self,
        key: str,
        url: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        *,
        run: str = "",
        alert: str = "",
    ) -> None:
        """Leave a POST for the reaper to make if this process dies. It is never on disk.

        It resolves the page of the `alert` of the `run`, in whose journal its success is recorded.
        """
        request: PendingRequest = {
            "key": key,
            "run": run,
            "alert": alert,
            "url": url,
            "body": dict(body),
            "headers": dict(headers or {}),
        }
        with self._lock:
            self._pending[key] = _line({"pending": request})
            self._send(self._pending[key])

    def make_later(self, key: str) -> None:
        """Let the reaper make a request that was left, with back-off; it goes on after this process has ended."""
        with self._lock:
            if key in self._pending:
                self._due.append(self._pending.pop(key))
                self._due.append(_line({"due": key}))
                self._send(self._due[-1])

    def cancel_request(self, key: str) -> None:
        """Cancel a request: it was made, or isn't needed any more."""
        with self._lock:
            if self._pending.pop(key, None):
                self._send(_line({"cancel": key}))

    def release(self, kept: str | None) -> None:
        """Give up the claims of runs that are over: of all but the one whose system is still up, if any.

        A process that makes runs for a day would otherwise hold a socket for each.
        """
        with self._lock:
            for run in [run for run in self._claims if run != kept]:
                self._claims.pop(run).close()

    def dismiss(self) -> None:
        """End the reaper without a clean-up; no-op if none was started. One with requests to make goes on alone."""
        self._ended.set()
        with self._lock:
            process, self._process = self._process, None
        self.release(None)
        if (
            process and process.stdin and not process.stdin.closed
        ):  # closed: it was killed and couldn't be replaced
            if self._due:
                with suppress(OSError):
                    process.stdin.write(_line({"done": True}))
                    process.stdin.close()
                threading.Thread(target=process.wait, name="reaper", daemon=True).start()
                return
            try:
                process.communicate(_line({"done": True}), timeout=END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    @property
    def pid(self) -> int | None:
        """The reaper process's pid; None if there is none."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Reaper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.dismiss()

    def _spawn(self) -> None:
        """Start a reaper in a session of its own and send it all messages so far. Raise PortError if that fails."""
        command = child_command("-m", "gameday.reaper", str(os.getpid()), str(self._look_s), str(LOOKS))
        try:
            self._process = subprocess.Popen(
                command,
                env=inherited_environment(),  # undo commands need what the user's commands had
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise PortError(f"the reaper can't be started, so no run is: {error}") from error
        for message in (*self._watched, *self._pending.values(), *self._due):
            self._send(message, again=False)

    def _send(self, message: bytes, *, again: bool = True) -> None:
        """Send a message; if the reaper is gone, start another one, which gets it too."""
        with self._lock:
            process = self._process
            if process is None or process.stdin is None:
                return
            try:
                process.stdin.write(message)
            except (OSError, ValueError):  # ValueError: closed below, when no other reaper could be started
                if again:
                    with suppress(OSError):
                        process.stdin.close()
                    process.kill()
                    process.wait()
                    self._spawn()

    def _beat(self) -> None:
        """Send a sign of life regularly while `pulse` returns True; a stopped process sends none."""
        while not self._ended.wait(self._beat_s):
            if self.pulse():
                with suppress(PortError):
                    self._send(b"\n")


def _line(message: RunnerMessage) -> bytes:
    return json.dumps(message).encode() + b"\n"


__all__ = ["Reaper"]
