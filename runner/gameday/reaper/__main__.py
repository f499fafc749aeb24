"""The process that outlives a runner: `python -m gameday.reaper PID LOOK_S LOOKS`, a pipe as input (see `start`).

It waits for the runner, its parent, by a pidfd. A runner that gives no sign of life for `LOOKS` looks of `LOOK_S`
seconds in a row is ended first: a journal has one writer, and a system nobody steers is to come down. What comes then
is `rites`, imported when it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from typing import Any

GONE = "the runner vanished"
HUNG = "the runner hung, gave no sign of life for {:g} s, and was ended"
END_MS = 5000
CHUNK = 1 << 16


class Ear:
    """What the runner said. `done`: everything is in order."""

    def __init__(self) -> None:
        self.watched: dict[str, dict[str, Any]] = {}
        self.owed: dict[str, dict[str, Any]] = {}
        self.done = False
        self._rest = b""

    def listen(self, pipe: int) -> bool:
        """All that is to be heard now. False where nothing ever will be again."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(pipe, CHUNK):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        self._take(json.loads(line))
            return False
        return True

    def _take(self, word: dict[str, Any]) -> None:
        if about := word.get("watch"):
            self.watched[about["run"]] = about
        elif about := word.get("owe"):
            self.owed[about["key"]] = about
        elif "paid" in word:
            self.owed.pop(word["paid"], None)
        else:
            self.done = bool(word.get("done"))


def parent(runner: int) -> int | None:
    """A pidfd of the runner, which is our parent; None where it is gone by now."""
    if os.getppid() != runner:
        return None
    try:
        descriptor = os.pidfd_open(runner)
    except ProcessLookupError:
        return None
    if os.getppid() == runner:
        return descriptor
    os.close(descriptor)
    return None


def wait(runner: int, look_s: float, looks: int, pipe: int, ear: Ear) -> str | None:
    """Why we are needed; None where the runner needs nobody."""
    os.set_blocking(pipe, False)
    process = parent(runner)
    if process is None:
        ear.listen(pipe)
        return None if ear.done else GONE
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.register(pipe, select.POLLIN)
    silent, hears = 0, True
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(look_s * 1000)]
        silent = 0 if ready else silent + 1
        # The runner's last word may have come with its end.
        if hears and not ear.listen(pipe):
            poll.unregister(pipe)
            hears = False
        if ear.done:
            return None
        if process in ready:
            return GONE
        if hears and silent >= looks:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            poll.unregister(pipe)
            poll.poll(END_MS)
            return HUNG.format(look_s * looks)


def main(runner: int, look_s: float, looks: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    ear = Ear()
    why = wait(runner, look_s, looks, sys.stdin.fileno(), ear)
    if why and ear.watched:
        from gameday.reaper.cleanup import bury

        bury(why, list(ear.watched.values()), list(ear.owed.values()))
        os._exit(0)  # a request that drips on is waited for by nobody


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
