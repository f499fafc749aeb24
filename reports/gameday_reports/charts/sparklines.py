"""Small drawings beside numbers: trials in a cell of a table, and a scenario's trend over quarters.

Pure geometry: numbers in, px out. Templates draw, and the style sheet has the colours, for both
themes and print. `dot_plot` has the large drawings of trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gameday_reports.charts.beeswarm import Axis, pile, span, swarm

WIDTH, HEIGHT, RADIUS = 132.0, 24.0, 2.6
RAIL = 22.0  # of the width, for what never came
FLOOR = 18.0  # the interval and the median stand here, px from the top
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Spark:
    """Dots on one line, open ones on the rail; `bar` and `tick` are the interval and the median."""

    about: str
    dots: Sequence[tuple[float, float]]
    open: Sequence[tuple[float, float]]
    bar: tuple[float, float] | None
    tick: float | None
    axis: Axis
    width: float = WIDTH
    height: float = HEIGHT
    radius: float = RADIUS
    floor: float = FLOOR


def axis_of(values: Iterable[float]) -> Axis:
    """Return one axis for a whole column, from zero, so that its rows can be compared."""
    numbers = list(values)
    _, high = span(numbers)
    width = WIDTH - 2 * RADIUS - (RAIL if math.inf in numbers else 0)
    return Axis(0.0, high, width, WIDTH - RAIL / 2 - RADIUS)


def spark(about: str, values: Sequence[float], middle: float | None, interval: Interval, axis: Axis) -> Spark:
    """Return the drawing of `values`, which may be infinite, as may the median and the ends of the
    interval."""
    finite = [value for value in values if math.isfinite(value)]
    xs, room = [RADIUS + axis.at(value) for value in finite], FLOOR - 4 - 2 * RADIUS
    line = (FLOOR - 4) / 2
    beside = pile(len(values) - len(finite), RADIUS, RAIL - 4 * RADIUS, room)
    return Spark(
        about=about,
        dots=[(round(x, 2), round(line + y, 2)) for x, y in zip(xs, swarm(xs, RADIUS, room), strict=True)],
        open=[(round(RADIUS + axis.rail + x, 2), round(line + y, 2)) for x, y in beside],
        bar=(RADIUS + axis.at(interval[0]), RADIUS + axis.at(interval[1])) if interval else None,
        tick=None if middle is None else RADIUS + axis.at(middle),
        axis=axis,
    )


@dataclass(frozen=True)
class Period:
    """One quarter: its name, the values of its runs, their median and its interval; any of these may be infinite.

    `links` are the addresses of the values' pages, "" for none.
    """

    name: str
    values: Sequence[float]
    middle: float | None
    interval: Interval
    links: Sequence[str] = ()


@dataclass(frozen=True)
class Mark:
    """One quarter as drawn: x of its middle, then (x, y, link) of its runs; `high` and `low` are the ends of the interval."""

    name: str
    x: float
    dots: Sequence[tuple[float, float, str]]
    open: Sequence[tuple[float, float, str]]
    middle: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Trend:
    """A drawing of quarters. `ticks`: (y, value) of the lines; `path`: (x, y) of the finite medians
    in order; `rail`: y of "never"."""

    about: str
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, float]]
    path: Sequence[tuple[float, float]]
    rail: float | None
    width: float = 360.0
    height: float = 172.0
    radius: float = RADIUS
    left: float = 44.0
    bottom: float = 148.0


def trend(about: str, periods: Sequence[Period]) -> Trend:
    """Return the quarters in order, evenly spaced, with time upwards from zero."""
    everything = [value for period in periods for value in (*period.values, *(period.interval or ()))]
    never = math.inf in everything
    top, steps = 30.0 if never else 12.0, _steps(span(everything)[1])
    left, width, bottom = Trend.left, Trend.width, Trend.bottom
    axis = Axis(0.0, steps[-1], bottom - top, bottom - 10.0)
    slot = (width - left - 8) / max(1, len(periods))
    marks = [_mark(period, left + slot * (i + 0.5), slot, bottom, axis) for i, period in enumerate(periods)]
    return Trend(
        about=about,
        marks=marks,
        ticks=[(round(bottom - axis.at(step), 2), step) for step in steps],
        path=[(mark.x, mark.middle) for mark in marks if mark.middle is not None and mark.middle > 10.0],
        rail=10.0 if never else None,
    )


def _steps(high: float) -> list[float]:
    """Return zero and two or three round values up to or over `high`."""
    size = 10.0 ** math.floor(math.log10(high))
    step = next(size * each for each in (0.5, 1, 2, 2.5, 5) if size * each * 3 >= high)
    return [step * i for i in range(math.ceil(high / step - 1e-9) + 1)]


def _mark(period: Period, x: float, slot: float, bottom: float, axis: Axis) -> Mark:
    finite = [bottom - axis.at(value) for value in period.values if math.isfinite(value)]
    room = max(4 * RADIUS, min(slot - 12, 60.0))
    aside = swarm(finite, RADIUS, room)
    never = pile(len(period.values) - len(finite), RADIUS, room, 2 * RADIUS)
    low, high = period.interval or (None, None)
    links = list(period.links) or [""] * len(period.values)
    came = [link for link, value in zip(links, period.values, strict=True) if math.isfinite(value)]
    lost = [link for link, value in zip(links, period.values, strict=True) if not math.isfinite(value)]
    return Mark(
        period.name,
        round(x, 2),
        [(round(x + dx, 2), round(y, 2), link) for y, dx, link in zip(finite, aside, came, strict=True)],
        [(round(x + dx, 2), 10.0, link) for (dx, _), link in zip(never, lost, strict=True)],
        *(None if each is None else round(bottom - axis.at(each), 2) for each in (period.middle, low, high)),
    )
