"""Feed of the live console: the picture of a run in progress, from its journal's events and its samples."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gameday.recording.journal_events import JournalEvent
from gameday.scenario import Scenario
from gameday_reports.live.page_parts import parts
from gameday_reports.live.picture import Picture, SampleFollower
from gameday_reports.live.role_view import About, Room
from gameday_reports.live.system_layout import SystemLayout

SETTLE_S = 0.2
"""The picture is this far behind the run, so that what happened by its moment has been written."""


class RunFeed:
    """The picture of one run. Thread-safe; `event` never blocks for longer than a picture takes."""

    def __init__(
        self,
        folder: Path,
        scenario: Scenario,
        layout: SystemLayout,
        now: Callable[[], float],
        *,
        secret: bool = True,
    ) -> None:
        self.folder = folder
        self.about = about_scenario(scenario, secret=secret)
        self.layout = layout
        self._now = now
        self._picture = Picture(layout, scenario.slos)
        self._follower = SampleFollower(folder / "samples")
        self._events: deque[JournalEvent] = deque()
        self._lock = threading.Lock()

    def event(self, event: JournalEvent) -> None:
        """Take an event that was appended to the journal."""
        self._events.append(event)

    def parts(self, role: str, room: Room) -> dict[str, Any]:
        """Return the parts of the role's page now."""
        with self._lock:
            self._advance(self._now() - SETTLE_S)
            return parts(self._picture, role, self.about, room)

    def finish(self) -> None:
        """Take everything that is left: the run is over."""
        with self._lock:
            last = max((event.t for event in self._events), default=self._picture.now)
            self._advance(max(last, self._picture.now))

    def _advance(self, until: float) -> None:
        due = []
        while self._events and self._events[0].t <= until:
            due.append(self._events.popleft())
        self._picture.advance(until, due, self._follower.new())


def about_scenario(scenario: Scenario, *, secret: bool) -> About:
    """Return what the facilitator knows of a scenario in advance."""
    return About(
        title=scenario.title,
        hypothesis=(scenario.hypothesis or "").strip(),
        story=scenario.story.strip(),
        timeline=[(entry.at, _entry_text(entry.action, entry.document())) for entry in scenario.timeline],
        runbook=scenario.runbook,
        secret=secret,
    )


def _entry_text(action: str, spec: Any) -> str:
    """Return an entry of the timeline in one line: its action and the values of its spec."""
    values = spec.items() if isinstance(spec, dict) else ()
    return " ".join([action, *(f"{key} {value}" for key, value in values)])
