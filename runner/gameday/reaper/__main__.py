"""The reaper process: `python -m gameday.reaper RUNNER_PID LOOK_S LOOKS`, fed by a pipe (see `reaper_process`).

It waits for the end of the runner, its parent, by a pidfd. A runner that gives no sign of life for `LOOKS` looks of
`LOOK_S` seconds in a row is killed first: a journal has one writer, and a system without a runner has to come down.
`cleanup` is imported when it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gameday.reaper.runner_messages import PendingRequest, RunnerMessage, WatchedRun

if TYPE_CHECKING:
    from gameday.reaper.pending_requests import LateRequests

GONE = "the runner vanished"
HUNG = "the runner hung, gave no sign of life for {:g} s, and was ended"
KILL_MS = 5000
CHUNK = 1 << 16


class RunnerMessages:
    """What the runner has sent so far. `done` means that it needs no clean-up."""

    def __init__(self) -> None:
        self.watched: dict[str, WatchedRun] = {}
        """Run id → where to find what belongs to it."""
        self.pending: dict[str, PendingRequest] = {}
        """Key → a request to make if the runner dies."""
        self.due: list[PendingRequest] = []
        """Requests to make from now on, until they succeed."""
        self.done = False
        self._rest = b""

    def read(self, pipe: int) -> bool:
        """Read all messages that are there; return False if no more will come."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(pipe, CHUNK):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        self._take(json.loads(line))
            return False
        return True

    def _take(self, message: RunnerMessage) -> None:
        if run := message.get("watch"):
            self.watched[run["run"]] = run
        elif request := message.get("pending"):
            self.pending[request["key"]] = request
        elif "cancel" in message:
            self.pending.pop(message["cancel"], None)
        elif "due" in message:
            if request := self.pending.pop(message["due"], None):
                self.due.append(request)
        else:
            self.done = bool(message.get("done"))


def open_parent(runner: int) -> int | None:
    """Return a pidfd of the runner if it is this process's parent, None if it is gone."""
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


class DueRequests:
    """Makes the requests that are due; what that needs is imported with the first one."""

    def __init__(self, messages: RunnerMessages) -> None:
        self._messages = messages
        self._late: LateRequests | None = None

    def begin(self, more: Sequence[PendingRequest] = ()) -> None:
        """Begin to make what has become due since the last call, and `more`."""
        due, self._messages.due = [*self._messages.due, *more], []
        if not due:
            return
        from gameday.reaper.pending_requests import LateRequests

        self._late = self._late or LateRequests(self._record)
        self._late.add(due)

    def finish(self) -> None:
        """Wait until every request has succeeded or was given up."""
        self.begin()
        if self._late:
            self._late.finish()

    def _record(self, run: str, alert: str) -> None:
        from gameday.reaper.cleanup import REAPER
        from gameday.reaper.journal_closing import record_resolved

        watched = self._messages.watched.get(run)
        if watched:
            record_resolved(Path(watched["folder"]), alert, by=REAPER)


def wait(
    runner: int, look_s: float, looks: int, pipe: int, messages: RunnerMessages, due: DueRequests
) -> str | None:
    """Wait for the runner's end; return why a clean-up is needed, None if it isn't. Meanwhile begin what is due."""
    os.set_blocking(pipe, False)
    process = open_parent(runner)
    if process is None:
        messages.read(pipe)
        return None if messages.done else GONE
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.register(pipe, select.POLLIN)
    silent, connected = 0, True
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(look_s * 1000)]
        silent = 0 if ready else silent + 1
        # The runner's last message may have arrived together with its end.
        if connected and not messages.read(pipe):
            poll.unregister(pipe)
            connected = False
        due.begin()
        if messages.done:
            return None
        if process in ready:
            return GONE
        if connected and silent >= looks:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            poll.unregister(pipe)
            poll.poll(KILL_MS)
            return HUNG.format(look_s * looks)


def main(runner: int, look_s: float, looks: int) -> None:
    """Wait for the runner's end, then clean up what it watched, and make the requests that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    messages = RunnerMessages()
    due = DueRequests(messages)
    why = wait(runner, look_s, looks, sys.stdin.fileno(), messages, due)
    if why and messages.watched:
        from gameday.reaper.cleanup import clean_up

        due.begin(clean_up(why, list(messages.watched.values()), list(messages.pending.values())))
    due.finish()
    os._exit(0)  # don't wait for the thread of a request that never ends


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
