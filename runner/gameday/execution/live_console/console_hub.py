"""Hub of the live console: one set of links for a whole command, whatever run is in progress behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gameday.execution import library
from gameday.execution.live_console.room_record import FILE, RoomRecord
from gameday.execution.live_console.run_feed import RunFeed
from gameday.execution.live_console.shown_run import ShownRun
from gameday.operations import Operation
from gameday.operator_api.live_console.page_source import Command, CommandRefused, PageFrame
from gameday.recording.clock import Clock
from gameday.run.interpreter import Interpreter
from gameday.scenario import Scenario
from gameday_reports.live.live_page import page, policy
from gameday_reports.live.page_parts import parts
from gameday_reports.live.picture import Picture
from gameday_reports.live.role_view import FACILITATOR, OBSERVER, ON_CALL, ROLES, SCRIBE, About, Room
from gameday_reports.live.system_layout import SystemLayout

DAY_ACTIONS = ("start", "pause", "resume")
RECORD_ACTIONS = {"decision": (SCRIBE, FACILITATOR), "action": (SCRIBE, FACILITATOR), "guess": (SCRIBE,)}
"""Command → the roles that may give it."""
EMPTY = SystemLayout((), (), ())


class LiveRun(ShownRun):
    """A run in progress as the console knows it."""

    def __init__(self, feed: RunFeed, record: RoomRecord) -> None:
        super().__init__(feed.event)
        self.feed, self.record = feed, record


class ConsoleHub:
    """Implements `PageSource` for runs in progress. Thread-safe.

    `room` returns the agenda of a game day; without one there is a room for each run. `day_command` carries out the
    commands of an agenda.
    """

    def __init__(
        self,
        roles: Sequence[str] = ROLES,
        title: str = "Game day",
        room: Callable[[], Room] | None = None,
        day_command: Callable[[Command], None] | None = None,
        record: RoomRecord | None = None,
    ) -> None:
        self.roles, self._title = tuple(roles), title
        self._room, self._day_command, self._day_record = room, day_command, record
        self._lock = threading.Lock()
        self._live: LiveRun | None = None
        self._epoch = 0
        self.block = ""
        """Name of the block of the agenda to which a guess belongs."""
        self.secret = True
        """Whether the next run's scenario is kept from all but the facilitator."""

    # what a run calls

    def begin(self, folder: Path, scenario: Scenario, clock: Clock) -> LiveRun:
        """Show a run from now on; its journal must pass every event on to `feed.event`."""
        layout = SystemLayout.of_topology(library.topology(scenario), scenario.system.entry_service)
        feed = RunFeed(folder, scenario, layout, clock.now, secret=self.secret)
        live = LiveRun(feed, self._day_record or RoomRecord(folder / FILE))
        with self._lock:
            self._live = live
            self._epoch += 1
        return live

    def end(self, live: LiveRun) -> None:
        """Take the last events of a run; its page stays until another begins."""
        live.feed.finish()
        live.over, live.interpreter = True, None

    # PageSource

    def frame(self, role: str) -> PageFrame:
        """Return the page of the role now."""
        live = self._live
        rendered = live.feed.parts(role, self._room_of(live)) if live else self._blank(role)
        return PageFrame(rendered, epoch=self._epoch)

    def page(self, role: str) -> str:
        """Return the whole document of the role's page."""
        live = self._live
        layout = live.feed.layout if live else EMPTY
        return page(role, self._title, layout, self.frame(role).parts, epoch=self._epoch)

    def policy(self) -> str:
        """Return the content security policy of the pages."""
        return policy()

    def operate(self, role: str, operation: Operation) -> str:
        """Request an operation of the run. Raise CommandRefused if the role may not, or no run is in progress."""
        if role == OBSERVER or (role != ON_CALL and operation.name != "note"):
            raise CommandRefused(f"{operation.name} isn't for the {role}: ask the on-call")
        return self._running().request(operation)

    def command(self, role: str, command: Command) -> None:
        """Carry out a command. Raise CommandRefused."""
        action = command.action
        if action in RECORD_ACTIONS:
            if role not in RECORD_ACTIONS[action]:
                raise CommandRefused(f"the {role} records nothing: ask the scribe")
            self._record().add(role, command, self.block)
            return
        if role != FACILITATOR:
            raise CommandRefused(f"only the facilitator may do this, not the {role}")
        if action == "inject":
            self._inject()
        elif action == "abort":
            self._running().interrupt("the facilitator")
        elif action in DAY_ACTIONS and self._day_command is not None:
            self._day_command(command)
        else:
            raise CommandRefused(f"unknown command {action[:40]!r}")

    def _inject(self) -> None:
        interpreter = self._running()
        if interpreter.state.phase != "fault" and not interpreter.state.held:
            raise CommandRefused("the steady state hasn't been judged yet: try again in some seconds")
        interpreter.release()

    def _record(self) -> RoomRecord:
        live = self._live
        record = self._day_record or (live.record if live else None)
        if record is None:
            raise CommandRefused("there is no run yet")
        return record

    def _running(self) -> Interpreter:
        """Return the interpreter of the run in progress. Raise CommandRefused if there is none."""
        live = self._live
        interpreter = live.interpreter if live else None
        if interpreter is None:
            raise CommandRefused("the run is over" if live and live.over else "no run is in progress yet")
        return interpreter

    def _room_of(self, live: LiveRun | None) -> Room:
        held = bool(live and live.interpreter and live.interpreter.state.held)
        if self._room is not None:
            return replace(self._room(), held=held)
        if live is None:
            return Room(title=self._title)
        content = live.record.content
        return Room(title=self._title, decisions=content.decisions, actions=content.actions, held=held)

    def _blank(self, role: str) -> Mapping[str, Any]:
        """Return the parts of a page before the first run."""
        return parts(Picture(EMPTY, ()), role, About(), self._room_of(None))
