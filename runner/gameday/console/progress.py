"""What people see while a run goes on: a live view on a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gameday.console.event_sentences import PHASES, sentence
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

Recent = Callable[[], tuple[float, float]]
"""(requests a second, share of them that failed) over the last few seconds."""

CLOCKS: Mapping[type[JournalEvent], str] = {
    FaultIntended: "inject",
    FaultInjected: "injected",
    AlertRaised: "detect",
    AlertAcknowledged: "ack",
    OperationIntended: "act",
    OperationDone: "acted",
}
"""Type of an event → the clock that its first one sets."""


class PlainScreen:
    """One line an event, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()

    def event(self, event: JournalEvent) -> None:
        text = sentence(event)
        if text is not None:
            self._say(event, text)

    def _say(self, event: JournalEvent, text: str) -> None:
        with self._lock:
            self._console.print(f"{event.t:8.2f}s  {text}", markup=False, highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        with self._lock:
            self._console.print(f"{'':9}  {text}", markup=False, highlight=False, soft_wrap=True)

    def status(self, state: State, now: float) -> None:
        """Plain lines need no refreshing."""

    def close(self) -> None:
        """Nothing to put back."""


class OnCallScreen(PlainScreen):
    """What the one on call may see while a drill goes on: pages, with a bell, and what people do about them.

    Never the scenario, nor what its timeline does or when.
    """

    _SHOWN = (
        ChangeFailed
        | AlertAcknowledged
        | OperationIntended
        | OperationDone
        | OperationFailed
        | RunInterrupted
        | RunError
        | CleanupDone
    )
    _PHASES: Mapping[str, str] = {
        "up": "bringing the system up",
        "warm": "the system is up; load begins",
        "steady": "you are on call from now on: gameday status, ack, rollback, … in another terminal (gameday --help)",
        "down": "the drill is over: taking the system down",
    }

    def __init__(self, console: Console, runbook: str | None) -> None:
        super().__init__(console)
        self._runbook = runbook
        self._up = False

    def event(self, event: JournalEvent) -> None:
        match event:
            case RunStarted():
                self._say(event, f"drill {event.run} (on {event.substrate}: {event.why})")
            case PhaseStarted():
                self._up = self._up or event.phase == "warm"
                if text := self._PHASES.get(event.phase):
                    self._say(event, text)
            case AlertRaised() if event.pages:
                self._console.bell()
                self._say(event, f"[DRILL] PAGE {event.alert}: {event.summary}{self._where(event)}")
            case Note() if event.by != "gameday" or not self._up:
                super().event(event)
            case _ if isinstance(event, self._SHOWN):
                super().event(event)

    def _where(self, alert: AlertRaised) -> str:
        region = f" in {alert.region}" if alert.region else ""
        return region + (f"; runbook {self._runbook}" if self._runbook else "")


class LiveScreen:
    """Phase, load, error ratio, alerts and clocks, refreshed a few times a second; the story's lines scroll above."""

    def __init__(self, console: Console, recent: Recent) -> None:
        self._lines = PlainScreen(console)
        self._recent = recent
        self._clocks: dict[str, float] = {}
        self._zero: float | None = None
        self._due = 0.0
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._live.start()

    def event(self, event: JournalEvent) -> None:
        self._lines.event(event)
        name = CLOCKS.get(type(event))
        if name and not (isinstance(event, AlertRaised) and not event.pages):
            self._clocks.setdefault(name, event.t)

    def line(self, text: str) -> None:
        self._lines.line(text)

    def status(self, state: State, now: float) -> None:
        if now < self._due:
            return
        self._due = now + 0.25
        self._live.update(self._view(state, now))

    def close(self) -> None:
        self._live.stop()

    def _view(self, state: State, now: float) -> Group:
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            "phase", f"[bold]{state.phase}[/]  {escape(PHASES[state.phase])}", "elapsed", f"{now:.1f}s"
        )
        if state.load_began is not None:
            rate, failed = self._recent()
            colour = "red" if failed > 0.01 else "green"
            grid.add_row("load", f"{rate:.0f} requests/s", "errors", f"[{colour}]{failed:.1%}[/]")
        if state.health is not None:
            held = state.health.holding_since
            slos = "hold" if held is not None else state.health.why_not_ok or "not holding"
            grid.add_row("SLOs", escape(slos), "alerts", str(sum(alert.pages for alert in state.alerts)))
        clocks = "   ".join(f"{name} {t:.2f}s" for name, t in self._clocks.items())
        return Group(Text("─" * 60, style="dim"), grid, Text(clocks, style="cyan"))


def recent(samples: Callable[[], Samples], window: float = 3.0) -> Recent:
    """Rate and failed share of the newest `window` seconds of answers."""

    def look() -> tuple[float, float]:
        records = samples().records
        ends = records["end"]
        if not len(records) or np.isnan(ends).all():
            return 0.0, 0.0
        latest = records[ends > np.nanmax(ends) - window]
        return len(latest) / window, float((latest["error"] != ErrorKind.NONE).mean())

    return look
