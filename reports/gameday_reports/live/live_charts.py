"""Charts of the live picture as SVG: requests by second and kind, latency by journey, faults as bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gameday.recording.printable_text import single_line
from gameday_reports.live.request_fold import KINDS, stacked

WIDTH, LEFT, RIGHT = 640.0, 42.0, 8.0
"""Width of a drawing, and its margins for labels."""
LETTER = 6.4
"""Width of a letter of a bar's label."""
SERIES = 6
"""Colours of lines; the last one repeats."""


@dataclass(frozen=True)
class Frame:
    """The stretch of time that charts show, in seconds of the run."""

    since: int
    until: int

    def x(self, t: float) -> float:
        """Return the horizontal place of a time, within the drawing."""
        share = (t - self.since) / max(self.until - self.since, 1)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


@dataclass(frozen=True)
class Bar:
    """A stretch of time over a chart; `end` is None while it goes on. `kind` is fault or hurt."""

    kind: str
    label: str
    begin: float
    end: float | None


@dataclass(frozen=True)
class Tick:
    """A moment over a chart, such as a page; `kind` names its colour."""

    kind: str
    label: str
    t: float


def requests_chart(
    frame: Frame, seconds: Mapping[int, Mapping[str, int]], bars: Sequence[Bar], ticks: Sequence[Tick]
) -> str:
    """Return the chart of requests per second, bad ones on top by their kind."""
    rows = stacked(seconds, frame.since, frame.until)
    most = _round_up(max((sum(row) for row in rows), default=0) or 1)
    height, top, bottom = 190.0, 26.0, 22.0
    plot = height - top - bottom

    def y(value: float) -> float:
        return top + plot * (1 - value / most)

    parts = [
        _open("Requests per second by kind", height),
        *_overlay(frame, bars, ticks, top, height - bottom),
    ]
    parts += _grid(most, y, "{:g}") + _time_axis(frame, height)
    below = [0] * len(rows)
    for index, kind in enumerate(KINDS):
        path = ""
        for place, row in enumerate(rows):
            if row[index]:
                x1, x2 = frame.x(frame.since + place), frame.x(frame.since + place + 1)
                high, low = y(below[place] + row[index]), y(below[place])
                path += f"M{x1:.1f} {low:.1f}V{high:.1f}H{max(x2 - 0.6, x1 + 0.6):.1f}V{low:.1f}z"
                below[place] += row[index]
        if path:
            parts.append(f'<path class="k-{kind}" d="{path}"/>')
    return "".join([*parts, "</svg>"])


def latency_chart(
    frame: Frame,
    latency: Mapping[int, Mapping[str, float]],
    limits: Mapping[str, float],
    bars: Sequence[Bar],
    ticks: Sequence[Tick],
) -> str:
    """Return the chart of the 95th percentile of latency by journey, in milliseconds on a logarithmic axis."""
    journeys = sorted({journey for row in latency.values() for journey in row})
    height, top, bottom = 190.0, 26.0, 22.0
    low, high = math.log10(0.005), math.log10(5.0)

    def y(value: float) -> float:
        share = (math.log10(min(max(value, 0.005), 5.0)) - low) / (high - low)
        return top + (height - top - bottom) * (1 - share)

    parts = [
        _open("95th percentile of latency by journey", height),
        *_overlay(frame, bars, ticks, top, height - bottom),
    ]
    for value, text in ((0.01, "10 ms"), (0.1, "0.1 s"), (1.0, "1 s")):
        parts.append(_line(y(value)) + _label(y(value), text))
    parts += _time_axis(frame, height)
    for place, journey in enumerate(journeys):
        points = [
            (frame.x(second), y(latency[second][journey]))
            for second in range(frame.since, frame.until + 1)
            if journey in latency.get(second, {})
        ]
        if points:
            line = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
            parts.append(f'<path class="line s-{min(place, SERIES - 1) + 1}" d="M{line}"/>')
        if journey in limits:
            at = y(limits[journey])
            parts.append(
                f'<path class="limit s-{min(place, SERIES - 1) + 1}" d="M{LEFT:g} {at:.1f}H{WIDTH - RIGHT:g}"/>'
            )
    return "".join([*parts, "</svg>"])


def _open(label: str, height: float) -> str:
    return f'<svg class="live-chart" viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label={quoteattr(label)}>'


def _overlay(
    frame: Frame, bars: Sequence[Bar], ticks: Sequence[Tick], top: float, bottom: float
) -> list[str]:
    parts = []
    for bar in bars:
        end = bar.end if bar.end is not None else float(frame.until)
        if end < frame.since or bar.begin > frame.until:
            continue
        x1, x2 = frame.x(bar.begin), frame.x(end)
        parts.append(
            f'<g class="bar b-{bar.kind}"><title>{_text(bar.label)}</title>'
            f'<rect x="{x1:.1f}" y="{top if bar.kind == "hurt" else top - 14:g}" width="{max(x2 - x1, 2):.1f}"'
            f' height="{bottom - top if bar.kind == "hurt" else 12:g}"/>'
            + (_bar_label(bar.label, x1, x2, top - 4) if bar.kind != "hurt" else "")
            + "</g>"
        )
    for tick in ticks:
        if frame.since <= tick.t <= frame.until:
            x = frame.x(tick.t)
            parts.append(
                f'<g class="tick t-{tick.kind}"><title>{_text(tick.label)}</title>'
                f'<path d="M{x:.1f} {top:g}V{bottom:g}"/></g>'
            )
    return parts


def _bar_label(label: str, x1: float, x2: float, y: float) -> str:
    """Return a bar's label: in the bar if it fits, else beside it on the side that has room."""
    width = LETTER * len(single_line(label))
    if width + 8 <= x2 - x1:
        return f'<text x="{x1 + 4:.1f}" y="{y:g}">{_text(label)}</text>'
    if x1 - 4 >= width:
        return f'<text class="beside" x="{x1 - 4:.1f}" y="{y:g}" text-anchor="end">{_text(label)}</text>'
    return f'<text class="beside" x="{x2 + 4:.1f}" y="{y:g}">{_text(label)}</text>'


def _grid(most: float, y: object, form: str) -> list[str]:
    assert callable(y)
    return [_line(y(value)) + _label(y(value), form.format(value)) for value in (most / 2, most)]


def _line(y: float) -> str:
    return f'<path class="grid" d="M{LEFT:g} {y:.1f}H{WIDTH - RIGHT:g}"/>'


def _label(y: float, text: str) -> str:
    return f'<text class="axis" x="{LEFT - 6:g}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _time_axis(frame: Frame, height: float) -> list[str]:
    length = frame.until - frame.since
    step = next((step for step in (10, 15, 30, 60, 120, 300, 600, 1800) if length / step <= 8), 3600)
    first = math.ceil(frame.since / step) * step
    return [
        f'<text class="axis" x="{frame.x(t):.1f}" y="{height - 6:g}" text-anchor="middle">{_clock(t)}</text>'
        for t in range(first, frame.until + 1, step)
    ]


def _clock(t: int) -> str:
    return f"{t // 60}:{t % 60:02d}"


def _round_up(value: float) -> float:
    """Return the next number at or above `value` that is 1, 2 or 5 times a power of ten, or 4 or 8 times one."""
    scale = 10.0 ** math.floor(math.log10(value))
    return next((step * scale for step in (1, 2, 4, 5, 8, 10) if step * scale >= value), 10 * scale)


def _text(value: str) -> str:
    return escape(single_line(value))
