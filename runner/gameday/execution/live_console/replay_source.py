"""Replay of a recorded run on the live page: a film of its folder at 1, 10 or 60 times the speed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gameday.execution.live_console.room_record import RecordedRoom, read_record
from gameday.execution.live_console.run_feed import about_scenario
from gameday.operations import Operation
from gameday.operator_api.live_console.page_source import Command, CommandRefused, PageFrame
from gameday.recording.journal import read_journal
from gameday.recording.samples import read_samples
from gameday.scenario import read_resolved
from gameday_reports.live.live_page import page, policy
from gameday_reports.live.page_parts import clock_text, parts
from gameday_reports.live.picture import RecordedRun
from gameday_reports.live.role_view import Room
from gameday_reports.live.system_layout import read_layout

SPEEDS = (1.0, 10.0, 60.0)


class ReplaySource:
    """Implements `PageSource` for a run's folder. Raise OSError or ValueError if the folder isn't a run's, Invalid if its
    scenario can't be read. Thread-safe."""

    def __init__(self, folder: Path, speed: float = 1.0, now: Callable[[], float] = time.monotonic) -> None:
        events = list(read_journal(folder / "journal.jsonl"))
        scenario = read_resolved(folder / "scenario.yaml")
        self._layout = read_layout(folder, events)
        self._film = RecordedRun(self._layout, scenario.slos, events, read_samples(folder / "samples"))
        self._about = about_scenario(scenario, secret=True)
        self._record: RecordedRoom = read_record(folder)
        self._title = f"Replay of {folder.resolve().name}"
        self._now = now
        self._lock = threading.Lock()
        self._speed, self._playing = speed, True
        self._at, self._since = 0.0, now()

    @property
    def position(self) -> float:
        """Return the moment that is shown, in seconds of the run."""
        passed = (self._now() - self._since) * self._speed if self._playing else 0.0
        return min(self._at + passed, self._film.length)

    def frame(self, role: str) -> PageFrame:
        """Return the page of the role at the present moment of the film."""
        with self._lock:
            at = self.position
            return PageFrame(self._parts(role, at), replay=self._state(at))

    def page(self, role: str) -> str:
        """Return the whole document of the role's page."""
        with self._lock:
            at = self.position
            return page(role, self._title, self._layout, self._parts(role, at), self._state(at))

    def policy(self) -> str:
        """Return the content security policy of the pages."""
        return policy()

    def operate(self, role: str, operation: Operation) -> str:
        """Raise CommandRefused: the run is over."""
        raise CommandRefused("this is a replay: the run is over, and nothing can be done to it")

    def command(self, role: str, command: Command) -> None:
        """Play or pause, change the speed, or go to a moment. Raise CommandRefused."""
        value = command.fields.get("value", "")
        with self._lock:
            at = self.position
            self._playing = self._playing and at < self._film.length  # a film that has ended doesn't play
            if command.action == "play":
                at = 0.0 if at >= self._film.length else at
                self._playing = not self._playing
            elif command.action == "speed":
                self._speed = _number(value, SPEEDS[-1])
            elif command.action == "seek":
                at = _number(value, self._film.length)
            else:
                raise CommandRefused("this is a replay: the run is over")
            self._at, self._since = at, self._now()

    def _parts(self, role: str, at: float) -> dict[str, Any]:
        room = Room(
            title=self._title,
            decisions=self._record.decisions,
            actions=self._record.actions,
            replay={"length": self._film.length},
        )
        return parts(self._film.at(at), role, self._about, room)

    def _state(self, at: float) -> dict[str, Any]:
        return {
            "at": round(at, 1),
            "text": f"{clock_text(at)} of {clock_text(self._film.length)}",
            "playing": self._playing and at < self._film.length,
            "speed": self._speed,
            "length": round(self._film.length, 1),
        }


def _number(text: str, most: float) -> float:
    """Return a number from 0 to `most`. Raise CommandRefused."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise CommandRefused(f"{text[:40]!r} isn't a number from 0 to {most:g}")
    return number
