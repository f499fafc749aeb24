"""Dot plot as a Vega-Lite drawing: every trial a dot, with the median and its interval below.

Infinite values lie on a rail. `beeswarm` places the dots; pages choose the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from xml.etree import ElementTree as ET

from markupsafe import Markup

from gameday_reports.charts.beeswarm import Axis, pile, span, swarm
from gameday_reports.charts.palette import light
from gameday_reports.charts.svg import convert
from gameday_reports.charts.timeline_chart import (
    SIZES,
    Data,
    Part,
    Size,
    layer,
    pixels,
    quantity,
    specification,
)
from gameday_reports.text.statistics_text import Unit

RADIUS = 4.0
DOTS, BARE = 68, 34  # heights of a row with dots and of one without, px
ROOM = 40  # of a row, for its dots
BAR = 12  # a row's interval stands this far above its lower end
TOP, NAMED, BOTTOM = 8, 20, 24  # margins; NAMED above a rail, for its name
PLACED: Part = {"x": pixels("x"), "y": pixels("y")}
NAMED_AT: Part = {**PLACED, "text": {"field": "text", "type": "nominal"}}
RAIL = 60  # the width that the rail takes, where there is one


@dataclass(frozen=True)
class Row:
    """One row: `values` are the dots, infinite ones open; `middle` and `interval` are drawn if given."""

    label: str
    colour: str
    values: tuple[float, ...] = ()
    middle: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def height(self) -> int:
        return DOTS if self.values else BARE

    @property
    def all(self) -> Iterable[float]:
        return chain(self.values, () if self.middle is None else (self.middle,), self.interval or ())


@dataclass(frozen=True)
class Guide:
    """A vertical line through all rows."""

    value: float
    colour: str


@dataclass(frozen=True)
class Plot:
    """One drawing; `id` must be unique in its page, `about` describes it in words."""

    id: str
    about: str
    unit: Unit
    rows: Sequence[Row]
    guides: Sequence[Guide] = ()

    @property
    def never(self) -> bool:
        return any(math.inf in row.all for row in self.rows)

    def axis(self, size: Size) -> Axis:
        low, high = (
            (0.0, 1.0) if self.unit == "ratio" and self.full else span(chain(*(row.all for row in self.rows)))
        )
        width = size.plot - (RAIL if self.never else 0)
        return Axis(low, high, width, size.plot - RAIL / 2 + 6)

    @property
    def full(self) -> bool:
        """Return True if a ratio is so high that the axis should reach 100 %."""
        return max(chain(*(row.all for row in self.rows)), default=0.0) > 0.5

    @property
    def placed(self) -> list[tuple[Row, float]]:
        """Return each row with its upper end in px."""
        tops = [sum(row.height for row in self.rows[:i]) for i in range(len(self.rows))]
        return list(zip(self.rows, tops, strict=True))


def drawn(plots: Iterable[Plot], room: int) -> dict[str, list[Markup]]:
    """Return the SVG elements of each plot by id, a wide and a narrow one; none once they would
    take over `room` bytes."""
    found, taken = {}, 0
    for plot in plots:
        both = [draw(plot, size) for size in SIZES]
        taken += sum(len(each.encode()) for each in both)
        if taken > room:
            break
        found[plot.id] = [Markup(each) for each in both]  # noqa: S704 - vl-convert's, escaped by ElementTree
    return found


def draw(plot: Plot, size: Size) -> str:
    """Return the plot as an SVG element."""
    data: Data = {}
    axis, height = plot.axis(size), sum(row.height for row in plot.rows)
    layers = [*_rail(plot, axis, height, data), _guides(plot, axis, size, data), *_bars(plot, axis, data)]
    layers += [*_dots(plot, axis, data), _labels(plot, data)]
    padding = {
        "left": size.left,
        "top": NAMED if plot.never else TOP,
        "right": size.width - size.left - axis.width,
        "bottom": BOTTOM,
    }
    attributes = {"class": f"chart {size.name}", "role": "img", "aria-label": plot.about}
    drawing = specification(layers, data, axis.width, height, padding)
    return _compact(convert(drawing, attributes, prefix=f"{plot.id}-{size.name}"))


def _guides(plot: Plot, axis: Axis, size: Size, data: Data) -> Part:
    """Return the layer of lines through all rows. It holds the axis, so it exists without lines as
    well."""
    shown = {
        "grid": True,
        "tickCount": 8 if size.name == "wide" else 4,
        "labelExpr": "datum.label + ' s'"
        if plot.unit == "seconds"
        else "format(datum.value * 100, '~r') + ' %'",
        "labelOverlap": True,
        "labelFlush": True,
    }
    x = quantity("v", scale={"domain": [axis.low, axis.high], "nice": False}, axis=shown)
    lines = [
        {"v": guide.value, "c": light(guide.colour)} for guide in plot.guides if math.isfinite(guide.value)
    ]
    colour = {"field": "c", "type": "nominal", "scale": None}
    mark = {"type": "rule", "strokeDash": [5, 4], "clip": True}
    return layer(data, "guides", lines, mark, {"x": x, "color": colour})


def _rail(plot: Plot, axis: Axis, height: int, data: Data) -> list[Part]:
    """Return the band beside the axis, with its name above, if a trial, a median or an end is
    infinite."""
    if not plot.never:
        return []
    band = [{"x": axis.width + 12, "x2": 2 * axis.rail - axis.width - 12, "y": 0, "y2": height}]
    name = [{"x": axis.rail, "y": -7, "text": "never"}]
    paper = {"type": "rect", "fill": light("span"), "cornerRadius": 4}
    style = {
        "type": "text",
        "align": "center",
        "baseline": "alphabetic",
        "fontSize": 12,
        "color": light("limit"),
    }
    return [
        layer(data, "rail", band, paper, {**PLACED, "x2": {"field": "x2"}, "y2": {"field": "y2"}}),
        layer(data, "raillabels", name, style, NAMED_AT),
    ]


def _bars(plot: Plot, axis: Axis, data: Data) -> list[Part]:
    """Return the bars below the dots of each row: the interval as a line, the median across it."""
    intervals, middles = [], []
    for row, top in plot.placed:
        y = top + row.height - BAR
        if row.interval:
            intervals.append({"x": axis.at(row.interval[0]), "x2": axis.at(row.interval[1]), "y": y})
        if row.middle is not None:
            middles.append({"x": axis.at(row.middle), "y": y - 7, "y2": y + 7})
    line = {"type": "rule", "color": light("ink")}
    return [
        layer(
            data,
            "intervals",
            intervals,
            {**line, "strokeWidth": 2, "strokeCap": "round"},
            {**PLACED, "x2": {"field": "x2"}},
        ),
        layer(data, "medians", middles, {**line, "strokeWidth": 3.5}, {**PLACED, "y2": {"field": "y2"}}),
    ]


def _dots(plot: Plot, axis: Axis, data: Data) -> list[Part]:
    """Return two layers for each row: filled dots, and open ones on the rail."""
    layers = []
    for position, (row, top) in enumerate(plot.placed):
        middle, colour = top + 4 + ROOM / 2, light(row.colour)
        xs = [axis.at(value) for value in row.values if value < math.inf]
        offsets = swarm(xs, RADIUS, ROOM - 2 * RADIUS)
        on_axis = [{"x": x, "y": middle + y} for x, y in zip(xs, offsets, strict=True)]
        never = pile(row.values.count(math.inf), RADIUS, RAIL - 32, ROOM - 2 * RADIUS)
        on_rail = [{"x": axis.rail + x, "y": middle + y} for x, y in never]
        circle = {"type": "circle", "size": math.pi * RADIUS**2, "opacity": 1, "fillOpacity": 0.85}
        filled = {**circle, "fill": colour, "stroke": light("paper"), "strokeWidth": 0.8}
        open_ = {**circle, "fill": light("paper"), "stroke": colour, "strokeWidth": 1.6}
        layers.append(layer(data, f"dots{position}", on_axis, filled, PLACED))
        layers.append(layer(data, f"open{position}", on_rail, open_, PLACED))
    return layers


def _labels(plot: Plot, data: Data) -> Part:
    """Return the names of the rows, left of the plot."""
    names = [
        {"x": -10, "y": top + (4 + ROOM / 2 if row.values else row.height - BAR), "text": row.label}
        for row, top in plot.placed
    ]
    style = {"type": "text", "align": "right", "baseline": "middle", "fontSize": 13, "color": light("ink")}
    return layer(data, "rowlabels", names, style, NAMED_AT)


def _compact(drawn: str) -> str:
    """Replace the arcs that Vega writes by circles with one style on the group: a third of the bytes."""
    root = ET.fromstring(drawn)  # noqa: S314 - our own drawing
    for group in root.iter("g"):
        if "mark-symbol" in (group.get("class") or "") and len(group):
            style = group[0].attrib.items()
            group.attrib.update({name: value for name, value in style if name not in ("d", "transform")})
            for path in group:
                x, _, y = path.attrib["transform"].removeprefix("translate(").removesuffix(")").partition(",")
                path.tag, path.attrib = "circle", {"cx": x, "cy": y, "r": f"{RADIUS:g}"}
    return ET.tostring(root, encoding="unicode")
