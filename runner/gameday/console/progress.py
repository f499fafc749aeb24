"""What people see while a run goes on: a live view on a terminal, plain lines elsewhere. Everything goes to stderr."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gameday.recording.journal import Event
from gameday.recording.samples import ErrorKind, Samples
from gameday.run.run_state import State

Recent = Callable[[], tuple[float, float]]
"""(requests a second, share of them that failed) over the last few seconds."""

_CLOCKS = {
    "fault.intended": "inject",
    "fault.injected": "injected",
    "alert.raised": "detect",
    "ack": "ack",
    "operation.intended": "act",
    "operation.done": "acted",
}
_PHASES = {
    "up": "bringing the system up",
    "warm": "warming up under load",
    "steady": "watching the steady state",
    "fault": "the timeline runs",
    "down": "taking the system down",
    "done": "done",
}


def sentence(event: Event) -> str | None:
    """One line for an event; None for those that only the journal needs."""
    data = event.data
    spoken = _SENTENCES.get(event.kind)
    return (spoken(event.subject, data) if spoken else None) or None


def _alert(subject: str, data: Mapping[str, Any]) -> str:
    return f"{'[DRILL] PAGE' if data['pages'] else 'watching'} {data['side']}-side {data['detector']}: {data['summary']}"


def _seen(data: Mapping[str, Any]) -> str:
    """What the edge says of a region."""
    state = "up" if data["up"] else "down"
    without = "" if data["database"] or not data["up"] else ", its database out of reach"
    return state + without + (", drained" if data["drained"] else "")


_SENTENCES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "run.started": lambda s, d: f"run {s}: {d['title']} (on {d['substrate']}: {d['why']})",
    "phase": lambda s, d: f"phase {s}: {_PHASES.get(s, s)}",
    "instance.killed": lambda s, d: f"instance {s} ({d['release']}) {d['why']}" if "why" in d else "",
    "instance.died": lambda s, d: f"instance {s} ({d['release']}) died: {str(d['why']).strip()[-200:]}",
    "load.started": lambda s, d: f"load {d['planned_rate']:g} requests/s",
    "steady": lambda s, d: "steady state met" if d["met"] else f"steady state NOT met: {d['why']}",
    "fault.intended": lambda s, d: f"fault {d['kind']} on {d['target']} ordered",
    "fault.injected": lambda s, d: "fault confirmed by the system",
    "fault.failed": lambda s, d: f"fault could not be carried out: {d.get('why', '')}",
    "environment.deleted": lambda s, d: f"environment of {s} deleted, volumes included; it is created again",
    "region.seen": lambda s, d: f"region {s} is {_seen(d)}",
    "fence.confirmed": lambda s, d: f"the database of {s} is stopped for sure",
    "database.promoted": lambda s, d: f"the database of {s} takes the writes",
    "replica.caught_up": lambda s, d: f"the database of {s} has caught up",
    "traffic.drained": lambda s, d: f"no traffic to {s} any more",
    "traffic.returned": lambda s, d: f"traffic returns to {s}",
    "fault.reverted": lambda s, d: f"fault reverted by {d['by']}",
    "change.started": lambda s, d: (
        f"change {s}: {d['service']} {d['previous']} -> {d['release']} by {d['by']}"
    ),
    "change.done": lambda s, d: f"change {s} " + ("cancelled" if d.get("cancelled") else "done"),
    "change.failed": lambda s, d: f"change {s} {'was' if d.get('refused') else 'failed:'} {d['why']}",
    "alert.raised": _alert,
    "ack": lambda s, d: f"alert {s} acknowledged by {d['by']}",
    "operation.intended": lambda s, d: f"operation {d['name']} {d['target']} by {d['by']}",
    "operation.done": lambda s, d: f"operation {s} done",
    "operation.failed": lambda s, d: f"operation {s} failed: {d['why']}",
    "stream.silent": lambda s, d: f"no answers for SLO {s}: unknown",
    "note": lambda s, d: str(d.get("text", "")),
    "run.interrupted": lambda s, d: f"interrupted by {d['signal']}: taking everything down",
    "run.stopped": lambda s, d: f"abort condition holds: {d['expr']}: everything is taken back and down",
    "run.error": lambda s, d: f"error in {d['where']}: {d['why']}",
    "run.ended": lambda s, d: f"run ended: {d['reason'].replace('_', ' ')}",
    "cleanup": lambda s, d: "nothing left behind" if d["clean"] else f"LEFT BEHIND: {', '.join(d['left'])}",
}


class PlainScreen:
    """One line an event, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        text = sentence(event)
        if text is not None:
            self._say(event, text)

    def _say(self, event: Event, text: str) -> None:
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

    _OPEN = (
        *("change.failed", "ack", "operation.intended", "operation.done", "operation.failed"),
        *("run.interrupted", "run.error", "cleanup"),
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

    def event(self, event: Event) -> None:
        data = event.data
        if event.kind == "run.started":
            self._say(event, f"drill {event.subject} (on {data['substrate']}: {data['why']})")
        elif event.kind == "phase":
            self._up = self._up or event.subject == "warm"
            if told := self._PHASES.get(event.subject):
                self._say(event, told)
        elif event.kind == "alert.raised" and data["pages"]:
            self._console.bell()
            self._say(event, f"[DRILL] PAGE {event.subject}: {data['summary']}" + self._where(data))
        elif event.kind in self._OPEN or (
            event.kind == "note" and (data.get("by") != "gameday" or not self._up)
        ):
            super().event(event)

    def _where(self, data: Mapping[str, Any]) -> str:
        region = f" in {data['region']}" if data["region"] else ""
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

    def event(self, event: Event) -> None:
        self._lines.event(event)
        name = _CLOCKS.get(event.kind)
        if name and not (event.kind == "alert.raised" and not event.data["pages"]):
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
            "phase", f"[bold]{state.phase}[/]  {escape(_PHASES[state.phase])}", "elapsed", f"{now:.1f}s"
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
