"""The map of a report: the system at its worst moment, and every moment at which something on it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gameday.recording.journal_events import JournalEvent, from_event
from gameday_reports.live.journal_fold import JournalFold
from gameday_reports.live.live_page import MOST_ACROSS
from gameday_reports.live.map_drawing import WORDS, draw
from gameday_reports.live.map_marks import Marks, marks_of
from gameday_reports.live.request_fold import LATENCY_S
from gameday_reports.live.system_layout import SystemLayout
from gameday_reports.run_page.run_data import Run

MOST_MOMENTS = 400
TOGETHER_S = 0.05
"""Changes within this time are one moment: a service whose instance is replaced at once was never down."""
LISTED = 3
"""Changes of one moment that its words name."""
CALM = ("ok", "absent")


@dataclass(frozen=True)
class MapMoment:
    """A moment at which the map changed: its marks that differ from the moment before, and words for them."""

    t: float
    words: str
    marks: Marks


@dataclass(frozen=True)
class SystemMap:
    """The map of a run. `drawings` show the moment `worst`; marks are cumulative over `moments`."""

    drawings: Sequence[str]
    moments: Sequence[MapMoment]
    worst: int

    @property
    def data(self) -> Sequence[Mapping[str, object]]:
        """Return the moments as plain data for the page's script."""
        return [{"t": round(m.t, 2), "words": m.words, "marks": m.marks} for m in self.moments]


def system_map(run: Run, layout: SystemLayout) -> SystemMap | None:
    """Return the map of the run from the moment its system was up; None if the journal names no instance."""
    if not layout.services:
        return None
    fold, moments = JournalFold(), list[MapMoment]()
    states: list[Marks] = []
    for raw in run.events:
        event = from_event(raw)
        if not isinstance(event, JournalEvent):
            continue
        fold.take(event)
        if fold.phase in ("", "up", "down", "done") or len(moments) >= MOST_MOMENTS:
            continue
        marks = marks_of(layout, fold, _flow(run, event.t), faults=True)
        t = event.t
        if len(moments) > 1 and t - moments[-1].t < TOGETHER_S:
            t = moments.pop().t
            states.pop()
        shown = states[-1] if states else Marks()
        changed = {key: mark for key, mark in marks.items() if _differs(mark, shown.get(key))}
        if changed:
            words = _words(changed, shown) if moments else "the system is up"
            new = {key: mark for key, mark in marks.items() if mark != shown.get(key)}  # traffic too
            moments.append(MapMoment(t, words, new))
            states.append(marks)
    if not moments:
        return None
    worst = max(range(len(states)), key=lambda index: _badness(states[index]))
    label = f"Map of the system at {moments[worst].t:.1f} s: {moments[worst].words}"
    drawings = [draw(layout, states[worst], across=across, label=label) for across in (MOST_ACROSS, 1)]
    return SystemMap(drawings, moments, worst)


def _differs(mark: Mapping[str, object], before: Mapping[str, object] | None) -> bool:
    """Return whether a mark changed, apart from how much traffic flows."""
    return before is None or any(mark.get(key) != before.get(key) for key in ("state", "tag", "up"))


def _badness(marks: Marks) -> int:
    weights = {"faulty": 3, "fault": 3, "down": 3, "cut": 2, "slow": 2}
    return sum(weights.get(str(mark["state"]), int(mark["state"] not in CALM)) for mark in marks.values())


def _words(changed: Marks, before: Marks) -> str:
    """Return what changed, such as `us-east.pricing runs a faulty release; edge down`."""
    parts = []
    for key, mark in changed.items():
        name, state = key.partition(":")[2], str(mark["state"])
        same = state == before.get(key, {}).get("state")
        parts.append(f"{name}: {mark.get('tag') or WORDS[state]}" if same else f"{name}: {WORDS[state]}")
    more = f" and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
    return "; ".join(parts[:LISTED]) + more


def _flow(run: Run, t: float) -> dict[str, float]:
    """Return region → answers per second in the seconds before `t`, by planned time."""
    records = run.samples.records
    planned = records["planned"]
    low, high = np.searchsorted(planned, t - LATENCY_S), np.searchsorted(planned, t)
    regions, status = records["region"][low:high], records["status"][low:high]
    return {
        name: float(np.count_nonzero((regions == number) & (status > 0))) / LATENCY_S
        for number, name in enumerate(run.samples.regions)
        if name
    }
