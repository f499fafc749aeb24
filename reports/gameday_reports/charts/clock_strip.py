"""Strip of a run's clocks: every stamp in order with the interval before it, and TTD … TTFR.

Stamps are evenly spaced, so that several within 100 ms stay readable. A proportional bar lies
above, and lines join the two. Pure: numbers in, positions in percent out; the template draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gameday.analysis.model.outcome_model import Outcome
from gameday_reports.text.formatting import CLOCKS, interval, seconds

PHASES: Mapping[str, str] = {
    "quiet": "no effect yet",
    "unseen": "unseen",
    "waiting": "waiting for someone",
    "deciding": "deciding",
    "open": "taken, not ended",
    "acting": "acting",
    "healing": "healing",
    "restoring": "restoring capacity",
}
"""What a piece of the time was spent on, in the order in which an outage goes through them."""

BEGINS: Mapping[str, str] = {
    "inject": "quiet",
    "effect": "unseen",
    "detect": "waiting",
    "ack": "deciding",
    "act": "acting",
    "acted": "healing",
    "recovered": "restoring",
}
"""The phase that a stamp begins; `injected`, `paged` and `restored` begin none. Without `act`, `ack` begins `open`."""

SPANS = (
    ("ttd", "TTD", "time to detect", "effect", "detect"),
    ("tta", "TTA", "time to acknowledge", "detect", "ack"),
    ("ttr", "TTR", "time to recover", "effect", "recovered"),
    ("ttfr", "TTFR", "time to full recovery", "effect", "restored"),
)


@dataclass(frozen=True)
class Step:
    """A stamp: `at` is its place on the bar and `slot` the middle of its step, both in percent."""

    name: str
    meaning: str
    time: str
    since: str
    phase: str
    at: float
    slot: float


@dataclass(frozen=True)
class Segment:
    """A piece of the bar in percent of its length."""

    phase: str
    left: float
    width: float


@dataclass(frozen=True)
class Span:
    """One of TTD … TTFR; `left` is None if there is nothing to draw, `open` is True if it never ended."""

    short: str
    meaning: str
    value: str
    state: str
    left: float | None
    width: float
    open: bool


@dataclass(frozen=True)
class Strip:
    steps: list[Step]
    segments: list[Segment]
    spans: list[Span]
    legend: list[tuple[str, str]]
    missing: list[str]


def strip(outcome: Outcome, clocks: Mapping[str, float], end: float) -> Strip | None:
    """Return the strip of a run whose samples end at `end`, or None if no clock was set. `clocks`
    are in order of time."""
    if not clocks:
        return None
    known = sorted(clocks.items(), key=lambda clock: clock[1])
    since = known[0][1]
    last = known[-1][1]
    if "effect" in clocks and "recovered" not in clocks:
        last = max(last, end)
    length = max(last - since, 1e-9)
    phases = _phases(known)
    return Strip(
        _steps(known, phases, since, length),
        _segments(known, phases, since, last),
        [_span(outcome, clocks, since, last, *span) for span in SPANS],
        [(phase, words) for phase, words in PHASES.items() if phase in phases],
        [name for name in CLOCKS if name not in clocks],
    )


def _phases(known: list[tuple[str, float]]) -> list[str]:
    """Return the phase that begins at each stamp; an outage never returns to an earlier phase."""
    order = list(PHASES)
    begins = BEGINS if any(name == "act" for name, _ in known) else {**BEGINS, "ack": "open"}
    reached, phases = 0, []
    for name, _ in known:
        reached = max(reached, order.index(begins.get(name, order[0])))
        phases.append(order[reached])
    return phases


def _steps(known: list[tuple[str, float]], phases: list[str], since: float, length: float) -> list[Step]:
    steps, before = [], since
    for position, (name, t) in enumerate(known):
        gap = f"+{seconds(t - before)}" if position else ""
        slot = (position + 0.5) / len(known) * 100
        phase = phases[max(position - 1, 0)]
        steps.append(
            Step(name, CLOCKS.get(name, ""), seconds(t), gap, phase, _percent(t - since, length), slot)
        )
        before = t
    return steps


def _segments(known: list[tuple[str, float]], phases: list[str], since: float, last: float) -> list[Segment]:
    """Return the pieces of the bar from stamp to stamp, the last one up to the bar's end."""
    times = [*(t for _, t in known), last]
    length = max(last - since, 1e-9)
    return [
        Segment(phase, _percent(a - since, length), _percent(b - a, length))
        for phase, a, b in zip(phases, times, times[1:], strict=False)
        if b > a
    ]


def _span(
    outcome: Outcome,
    clocks: Mapping[str, float],
    since: float,
    last: float,
    key: str,
    short: str,
    meaning: str,
    begin: str,
    end: str,
) -> Span:
    value, state = interval(outcome, key)
    a, b = clocks.get(begin), clocks.get(end)
    if a is None or (b is None and value != "never"):
        return Span(short, meaning, value, state, None, 0.0, False)
    censored = outcome.duration(key).censored_at
    until = b if b is not None else last if censored is None else min(last, censored)
    length = max(last - since, 1e-9)
    return Span(
        short, meaning, value, state, _percent(a - since, length), _percent(until - a, length), b is None
    )


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 3)
