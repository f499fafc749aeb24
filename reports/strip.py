"""The decomposed clock of a run as one strip: every stamp in order with the interval before it, and the spans TTD … TTFR.

Stamps stand in equal steps so that several within 100 ms stay readable; a bar in proportion stands above, and lines join
the two. Pure: numbers in, positions in percent out; the template draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.loose import number, pick
from reports.words import CLOCKS, interval, seconds

PHASES: Mapping[str, str] = {
    "effect": "quiet",
    "injected": "quiet",
    "detect": "unseen",
    "paged": "unseen",
    "ack": "waiting",
    "act": "deciding",
    "acted": "acting",
    "recovered": "healing",
    "restored": "restoring",
}
"""What the time before a stamp was spent on; the class of its segment."""

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
    """One of TTD … TTFR; `left` is None where there is nothing to draw; `open` where it never ended."""

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
    missing: list[str]
    since: str
    until: str


def strip(outcome: Mapping[str, Any], clocks: Mapping[str, float], end: float) -> Strip | None:
    """The strip of a run whose samples end at `end`; None where no clock was set. `clocks` in order of time."""
    if not clocks:
        return None
    known = sorted(clocks.items(), key=lambda clock: clock[1])
    since = known[0][1]
    last = known[-1][1]
    if "effect" in clocks and "recovered" not in clocks:
        last = max(last, end)
    length = max(last - since, 1e-9)
    return Strip(
        _steps(known, since, length),
        _segments(known, since, length),
        [_span(outcome, clocks, since, last, *span) for span in SPANS],
        [name for name in CLOCKS if name not in clocks],
        seconds(since),
        seconds(last),
    )


def _steps(known: list[tuple[str, float]], since: float, length: float) -> list[Step]:
    steps, before = [], since
    for position, (name, t) in enumerate(known):
        gap = f"+{seconds(t - before)}" if position else ""
        slot = (position + 0.5) / len(known) * 100
        phase = PHASES.get(name, "quiet")
        steps.append(Step(name, CLOCKS.get(name, ""), seconds(t), gap, phase, _percent(t - since, length), slot))
        before = t
    return steps


def _segments(known: list[tuple[str, float]], since: float, length: float) -> list[Segment]:
    pairs = zip(known, known[1:], strict=False)
    return [
        Segment(PHASES.get(name, "quiet"), _percent(a - since, length), _percent(b - a, length))
        for (_, a), (name, b) in pairs
        if b > a
    ]


def _span(
    outcome: Mapping[str, Any],
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
    after = number(pick(outcome, f"{key}_censored_at"))
    until = b if b is not None else last if after is None else min(last, a + after)
    length = max(last - since, 1e-9)
    return Span(short, meaning, value, state, _percent(a - since, length), _percent(until - a, length), b is None)


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 3)
