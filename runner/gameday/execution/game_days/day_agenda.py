"""Agenda of a game day: what waits to be started, whether it is paused, and what the room sees of it. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from gameday.execution.game_days.day_state import DayState
from gameday.execution.live_console.room_record import RoomRecord
from gameday.operator_api.live_console.page_source import Command, CommandRefused
from gameday.scenario.game_days.game_day_plan import Block, GameDay
from gameday.scenario.units import seconds
from gameday_reports.live.role_view import AgendaRow, Room

POLL_S = 0.1
END = "the end of the day"


class DayAgenda:
    """The blocks of a day and what the facilitator does with them. `title_of` returns a scenario's title."""

    def __init__(
        self,
        plan: GameDay,
        record: RoomRecord,
        title_of: Callable[[str], str],
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._plan, self._record, self._title_of, self._clock = plan, record, title_of, clock
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._waiting = ""
        self._paused = False
        self.state: DayState | None = None
        """Where the day stands; set by the runner."""

    def wait_for(self, index: int, stopped: Callable[[], bool]) -> bool:
        """Wait until the block `index` is to start, or the day to end if there is none; return False if `stopped`."""
        block = self._plan.blocks[index] if index < len(self._plan.blocks) else None
        due = self._due(block)
        with self._lock:
            self._started.clear()
            self._waiting = END if block is None else self.name(index)
        try:
            while not self._started.wait(POLL_S):
                if stopped():
                    return False
                if due is not None and self._clock() >= due and not self._paused:
                    break
            return True
        finally:
            with self._lock:
                self._waiting = ""

    def start(self) -> None:
        """Start what waits. Raise CommandRefused if nothing does, or the agenda is paused."""
        self.command(Command("start"))

    def command(self, command: Command) -> None:
        """Carry out the facilitator's start, pause or resume. Raise CommandRefused."""
        with self._lock:
            if command.action == "start" and not self._waiting:
                raise CommandRefused("nothing waits to be started: the block goes on")
            if command.action == "start" and self._paused:
                raise CommandRefused("the agenda is paused: resume it first")
            if command.action == "start":
                self._started.set()
            else:
                self._paused = command.action == "pause"

    def name(self, index: int) -> str:
        """Return the name of a block that everyone may read: a secret scenario has a number only."""
        block = self._plan.blocks[index]
        if block.kind != "scenario":
            return f"{block.kind}: {block.words}"
        number = sum(each.kind == "scenario" for each in self._plan.blocks[: index + 1])
        return f"scenario {number}" if block.secret else f"scenario {number}: {self._title_of(block.words)}"

    def room(self) -> Room:
        """Return what the pages show of the room."""
        content = self._record.content
        index = self.state.position if self.state else 0
        block = self._plan.blocks[index] if index < len(self._plan.blocks) else None
        guesses = [row for row in content.guesses if row.get("block") == str(index)]
        poll = (
            {"question": block.poll, "guesses": guesses, "count": len(guesses)}
            if block and block.poll
            else None
        )
        return Room(
            title=self._plan.title,
            agenda=[self._row(i) for i in range(len(self._plan.blocks))],
            poll=poll,
            decisions=content.decisions,
            actions=content.actions,
            waiting=self._waiting,
            paused=self._paused,
            message="The agenda is paused." if self._paused else "",
        )

    def _row(self, index: int) -> AgendaRow:
        block, state = self._plan.blocks[index], self.state.blocks[index] if self.state else None
        known = block.kind == "scenario"
        return AgendaRow(
            title=self.name(index),
            state=state.state if state else "next",
            when=_when(block),
            length=f"{block.for_ / 60:.0f} min",
            result="over" if state and state.state == "done" else "",
            secret_title=f"{self.name(index).partition(':')[0]}: {self._title_of(block.words)}"
            if known
            else "",
            detail=(block.hypothesis or "").strip() if known else "",
            secret=block.secret,
        )

    def _due(self, block: Block | None) -> datetime | None:
        """Return when the block starts by itself; None if it waits for the facilitator."""
        if block is None or block.start == "ready":
            return None
        word, _, value = block.start.partition(" ")
        now = self._clock()
        if word == "after":
            return now + timedelta(seconds=seconds(value))
        hour, minute = map(int, value.split(":"))
        return now.replace(hour=hour, minute=minute, second=0, microsecond=0)


def _when(block: Block) -> str:
    return "" if block.start == "ready" else block.start
