"""Progress of a run on standard error: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gameday.console.event_sentences import PHASES, event_sentence
from gameday.recording.journal_events import (
    AlertAcknowledged,
    AlertRaised,
    ChangeFailed,
    CleanupDone,
    FaultInjected,
    FaultIntended,
    JournalEvent,
    Note,
    OperationDone,
    OperationFailed,
    OperationIntended,
    PhaseStarted,
    RunError,
    RunInterrupted,
    RunStarted,
)
from gameday.recording.samples import ErrorKind, Samples
from gameday.run.run_state import State

RecentLoad = Callable[[], tuple[float, float]]
"""Returns (requests/s, ratio of failed requests) over the last few seconds."""
STAMP_WIDTH = 11
"""Columns of a line's time, and of the indentation of what has none."""
CONTINUATION = "\n  | "
"""How a further line of one event begins in a log, so that it can't be a command to a CI runner."""


class PlainScreen:
    """One line an event, for logs and pipes; on a terminal, long lines are wrapped between words. Thread-safe."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()

    def event(self, event: JournalEvent) -> None:
        text = event_sentence(event)
        if text is not None:
            self._print(f"{event.t:8.2f}s  ", text)

    def line(self, text: str) -> None:
        """Print a line that has no time."""
        self._print("", text)

    def status(self, state: State, now: float) -> None:
        """Do nothing: plain lines aren't refreshed."""

    def close(self) -> None:
        """Do nothing: plain lines need no clean-up."""

    def _print(self, stamp: str, text: str) -> None:
        line = stamp.ljust(STAMP_WIDTH) + text
        if self._console.is_terminal:
            line = _wrap(line, self._console.width)
        else:
            line = line.replace("\n", CONTINUATION)
        with self._lock:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wrap(line: str, width: int) -> str:
    """Break a line between words, and a word only if it is longer than a line."""
    indent = " " * STAMP_WIDTH
    parts = line.split("\n")
    return "\n".join(
        textwrap.fill(part, max(width, 40), subsequent_indent=indent, break_on_hyphens=False)
        for part in parts
    )


class OnCallScreen(PlainScreen):
    """What the on-call may see during a drill: pages, with a bell, and what people do about them.

    It never shows the scenario, nor what its timeline does or when.
    """

    _SHOWN = (
        *(ChangeFailed, AlertAcknowledged, OperationIntended, OperationDone, OperationFailed),
        *(RunInterrupted, RunError, CleanupDone),
    )
    _PHASES = {  # noqa: RUF012
        "up": "bringing the system up",
        "warm": "the system is up; the load starts",
        "steady": "you are on call from now on: gameday status, ack, rollback, … in another terminal (gameday --help)",
        "down": "the drill is over: tearing the system down",
    }

    def __init__(self, console: Console, runbook: str | None) -> None:
        super().__init__(console)
        self._runbook = runbook
        self._up = False

    def event(self, event: JournalEvent) -> None:
        stamp = f"{event.t:8.2f}s  "
        if isinstance(event, RunStarted):
            self._print(stamp, f"drill {event.run} (on {event.substrate}: {event.why})")
        elif isinstance(event, PhaseStarted):
            self._up = self._up or event.phase == "warm"
            if text := self._PHASES.get(event.phase):
                self._print(stamp, text)
        elif isinstance(event, AlertRaised):
            if event.pages:
                self._console.bell()
                self._print(stamp, f"[DRILL] PAGE {event.alert}: {event.summary}{self._details(event)}")
        elif isinstance(event, self._SHOWN) or (
            isinstance(event, Note) and (event.by != "gameday" or not self._up)
        ):
            super().event(event)

    def _details(self, alert: AlertRaised) -> str:
        region = f" in {alert.region}" if alert.region else ""
        return region + (f"; runbook {self._runbook}" if self._runbook else "")


class LiveScreen:
    """Phase, load, ratio of errors, alerts and clocks, refreshed four times a second below the lines of the events."""

    def __init__(self, console: Console, recent: RecentLoad) -> None:
        self._lines = PlainScreen(console)
        self._recent = recent
        self._clocks: dict[str, float] = {}
        self._due = 0.0
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def event(self, event: JournalEvent) -> None:
        self._lines.event(event)
        if name := _clock(event):
            self._clocks.setdefault(name, event.t)

    def line(self, text: str) -> None:
        self._lines.line(text)

    def status(self, state: State, now: float) -> None:
        if now < self._due:
            return
        self._due = now + 0.25
        self._live.update(self.view(state, now))

    def close(self) -> None:
        self._live.stop()

    def view(self, state: State, now: float) -> Group:
        """Return the live view. It holds no markup: rich shows markup raw when a plain line is printed above it."""
        grid = Table.grid(padding=(0, 2))
        phase = Text.assemble((state.phase, "bold"), f"  {PHASES[state.phase]}")
        grid.add_row("phase", phase, "elapsed", f"{now:.1f} s")
        if state.load_began is not None:
            rate, failed = self._recent()
            errors = Text(f"{failed:.1%}", "red" if failed > 0.01 else "green")
            grid.add_row("load", f"{rate:.0f} requests/s", "errors", errors)
        if state.health is not None:
            holding = state.health.holding_since is not None
            slos = "hold" if holding else state.health.why_not_ok or "don't hold"
            pages = sum(alert.pages for alert in state.alerts)
            grid.add_row("SLOs", Text(slos), "pages", str(pages))
        clocks = "   ".join(f"{name} {t:.2f} s" for name, t in self._clocks.items())
        return Group(Text("─" * 60, style="dim"), grid, Text(clocks, style="cyan"))


def _clock(event: JournalEvent) -> str | None:
    """Return the name of the clock that an event sets; None if it sets none."""
    if isinstance(event, AlertRaised):
        return "paged" if event.pages else None
    names = {
        FaultIntended: "fault ordered",
        FaultInjected: "fault active",
        AlertAcknowledged: "acknowledged",
        OperationIntended: "operation",
        OperationDone: "operation done",
    }
    return next((name for type_, name in names.items() if isinstance(event, type_)), None)


def recent_load(samples: Callable[[], Samples], window: float = 3.0) -> RecentLoad:
    """Return a function for the rate and the failed ratio of the answers of the last `window` seconds."""

    def measure() -> tuple[float, float]:
        records = samples().records
        ends = records["end"]
        if not len(records) or np.isnan(ends).all():
            return 0.0, 0.0
        latest = records[ends > np.nanmax(ends) - window]
        return len(latest) / window, float((latest["error"] != ErrorKind.NONE).mean())

    return measure
