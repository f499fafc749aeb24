"""The user's commands on a system of one's own, each with an undo that is durable before the command runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gameday.host.user_command import CommandFailed, filled, run_command
from gameday.ports import PortError
from gameday.recording.undo_list import UndoEntry, UndoList
from gameday.scenario.own.own_system import CommandSpec

STOP_S = 20.0
"""How long commands that were told to stop are waited for before anything is undone."""


@dataclass(frozen=True)
class Either:
    """Set once one of two events is."""

    first: threading.Event
    second: threading.Event | None

    def is_set(self) -> bool:
        return self.first.is_set() or (self.second is not None and self.second.is_set())


class UserCommands:
    """Implements `ports.Commands`. `values` are those of every command's variables; `folder` is where they run."""

    def __init__(self, undo: UndoList, folder: Path, values: Mapping[str, str]) -> None:
        self._undo = undo
        self._folder = folder
        self._values = values
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._idle = threading.Condition()
        self._commands = 0

    def perform(
        self,
        key: str,
        what: str,
        command: CommandSpec,
        undo: CommandSpec | None,
        *,
        stop: threading.Event | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command. Its undo stands in the list, on disk, before that; a failed command may have half acted."""
        known = {**self._values, **(values or {})}
        with self._performing(what):
            if undo is not None:
                self.note_undo(key, what, filled(undo.command, known), undo.timeout)
            either = Either(self._ending, stop)
            self._run(what, filled(command.command, known), command.timeout, self._folder, either)

    @contextmanager
    def _performing(self, what: str) -> Iterator[None]:
        """Count a command as running, so that nothing is undone before its end. Raise PortError once the run ends."""
        with self._idle:
            if self._ending.is_set():
                raise PortError(f"{what}: not begun, since the run is ending")
            self._commands += 1
        try:
            yield
        finally:
            with self._idle:
                self._commands -= 1
                self._idle.notify_all()

    def note_undo(self, key: str, what: str, command: Sequence[str], timeout: float) -> None:
        """Put what undoes `key` into the list, on disk once this returns. Raise PortError if that fails."""
        entry = UndoEntry(key, what, tuple(command), timeout, str(self._folder.resolve()))
        try:
            self._undo.add(entry)
        except OSError as error:
            raise PortError(f"{what}: its undo can't be written, so nothing was done: {error}") from error

    def check(self, command: CommandSpec) -> None:
        """Run a command that changes nothing. Raise PortError if it fails."""
        arguments = filled(command.command, self._values)
        self._run("check", arguments, command.timeout, self._folder)

    def undo(self, key: str) -> None:
        """Run what undoes `key` and take it out of the list; no-op if it isn't there. Raise PortError if it fails."""
        with self._lock:
            entry = self._undo.get(key)
            if entry is not None:
                self._run(f"undo of {entry.what}", entry.command, entry.timeout, Path(entry.folder))
                self._undo.remove(key)

    def forget(self, key: str) -> None:
        """Take an entry out of the list: something else has undone it."""
        self._undo.remove(key)

    def undo_all(self) -> tuple[list[str], list[str]]:
        """Stop commands under way, then undo all that is left, the latest first.

        Return what was undone, and what failed with its reason. No command can be performed afterwards: one that acted
        after its undo would leave its fault in effect.
        """
        with self._idle:
            self._ending.set()
            ended = self._idle.wait_for(lambda: not self._commands, STOP_S)
        undone: list[str] = []
        left = [] if ended else [f"a command didn't end within {STOP_S:g} s of being stopped"]
        for entry in self._undo.entries():
            try:
                self.undo(entry.key)
            except (PortError, OSError) as error:
                left.append(f"{entry.what}: {error}")
            else:
                undone.append(entry.what)
        return undone, left

    def _run(
        self,
        what: str,
        arguments: Sequence[str],
        timeout: float,
        folder: Path,
        stop: Either | None = None,
    ) -> None:
        try:
            run_command(arguments, timeout, folder, stop)
        except CommandFailed as error:
            raise PortError(f"{what}: {error}") from error
