"""A dot plot as an Altair chart: every trial a dot, below them the median and its interval; what never came on a rail.

Where the dots stand is `swarm`; which rows there are is left to `compare` and `trials`. Altair is imported late.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from reports.amounts import Unit
from reports.charts import SIZES, Data, Size
from reports.palette import light
from reports.svg import convert
from reports.swarm import Axis, pile, span, swarm

RADIUS = 4.0
DOTS, BARE = 68, 34  # heights of a row with dots and of one without, px
ROOM = 40  # of a row, for its dots
BAR = 12  # a row's interval stands this far above its lower end
TOP, NAMED, BOTTOM = 8, 20, 24  # margins; NAMED above a rail, for its name
RAIL = 60  # the width that the rail takes, where there is one


@dataclass(frozen=True)
class Row:
    """`values` are the dots, infinite where open; `middle` and `interval` are drawn where there are any."""

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
    """A line through all rows."""

    value: float
    colour: str


@dataclass(frozen=True)
class Plot:
    """What one drawing shows; `id` must be unique in its page, `about` says it in words."""

    id: str
    about: str
    unit: Unit
    rows: Sequence[Row]
    guides: Sequence[Guide] = ()

    @property
    def never(self) -> bool:
        return any(math.inf in row.all for row in self.rows)

    def axis(self, size: Size) -> Axis:
        low, high = (0.0, 1.0) if self.unit == "ratio" and self.full else span(chain(*(row.all for row in self.rows)))
        width = size.plot - (RAIL if self.never else 0)
        return Axis(low, high, width, size.plot - RAIL / 2 + 6)

    @property
    def full(self) -> bool:
        """Whether a ratio reaches so high that the axis had better show all of it."""
        return max(chain(*(row.all for row in self.rows)), default=0.0) > 0.5

    @property
    def placed(self) -> list[tuple[Row, float]]:
        """Each row with its upper end, px."""
        tops = [sum(row.height for row in self.rows[:i]) for i in range(len(self.rows))]
        return list(zip(self.rows, tops, strict=True))


def drawn(plots: Iterable[Plot], room: int) -> dict[str, list[Markup]]:
    """By a plot's id its SVG elements, a wide and a narrow one; none from where they would take over `room` bytes."""
    found, taken = {}, 0
    for plot in plots:
        both = [draw(plot, size) for size in SIZES]
        taken += sum(len(each.encode()) for each in both)
        if taken > room:
            break
        found[plot.id] = [Markup(each) for each in both]  # noqa: S704 - vl-convert's, escaped by ElementTree
    return found


def draw(plot: Plot, size: Size) -> str:
    """The plot as an SVG element."""
    data: Data = {}
    chart = _chart(plot, size, data)
    attributes = {"class": f"chart {size.name}", "role": "img", "aria-label": plot.about}
    specification = {**chart.to_dict(validate=False), "datasets": data}
    return _compact(convert(specification, attributes, prefix=f"{plot.id}-{size.name}"))


def _chart(plot: Plot, size: Size, data: Data) -> Any:
    import altair as alt

    axis, height = plot.axis(size), sum(row.height for row in plot.rows)
    layers = [*_rail(plot, axis, height, data), _guides(plot, axis, size, data), *_bars(plot, axis, data)]
    layers += [*_dots(plot, axis, data), *_labels(plot, data)]
    padding = {
        "left": size.left,
        "top": NAMED if plot.never else TOP,
        "right": size.width - size.left - axis.width,
        "bottom": BOTTOM,
    }
    style = {"labelColor": light("soft"), "labelFontSize": 12, "domainColor": light("axis"), "tickColor": light("axis")}
    config = {
        "aria": False,
        "font": "sans-serif",
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**style, "gridColor": light("grid"), "title": None},
    }
    # All at once: each further call on a chart copies the whole of it.
    return alt.layer(*layers, width=axis.width, height=height, autosize="none", padding=padding, config=config)


def _layer(data: Data, name: str, values: Sequence[Mapping[str, Any]]) -> Any:
    import altair as alt

    data[name] = list(values)
    return alt.Chart(alt.NamedData(name), name=name)


def _placed(x: str = "x", y: str = "y") -> dict[str, Any]:
    """Channels that are px already."""
    import altair as alt

    return {"x": alt.X(f"{x}:Q", scale=None, axis=None), "y": alt.Y(f"{y}:Q", scale=None, axis=None)}


def _guides(plot: Plot, axis: Axis, size: Size, data: Data) -> Any:
    """The lines through all rows; this layer holds the axis, so it is there without lines as well."""
    import altair as alt

    count = 8 if size.name == "wide" else 4
    text = "datum.label + ' s'" if plot.unit == "seconds" else "format(datum.value * 100, '~r') + ' %'"
    shown = alt.Axis(grid=True, tickCount=count, labelExpr=text, labelOverlap=True, labelFlush=True)
    x = alt.X("v:Q", scale=alt.Scale(domain=[axis.low, axis.high], nice=False), axis=shown)
    lines = [{"v": guide.value, "c": light(guide.colour)} for guide in plot.guides if math.isfinite(guide.value)]
    chart = _layer(data, "guides", lines).mark_rule(strokeDash=[5, 4], clip=True)
    return chart.encode(x=x, color=alt.Color("c:N", scale=None))


def _rail(plot: Plot, axis: Axis, height: int, data: Data) -> list[Any]:
    """A band beside the axis with its name above, where a trial, a median or an end never came."""
    import altair as alt

    if not plot.never:
        return []
    band = [{"x": axis.width + 12, "x2": 2 * axis.rail - axis.width - 12, "y": 0, "y2": height}]
    chart = _layer(data, "rail", band).mark_rect(fill=light("span"), cornerRadius=4)
    name = _layer(data, "raillabels", [{"x": axis.rail, "y": -7, "text": "never"}])
    text = name.mark_text(align="center", baseline="alphabetic", fontSize=12, color=light("limit"))
    return [
        chart.encode(**_placed(), x2=alt.X2("x2"), y2=alt.Y2("y2")),
        text.encode(**_placed(), text=alt.Text("text:N")),
    ]


def _bars(plot: Plot, axis: Axis, data: Data) -> list[Any]:
    """Below the dots of each row: its interval as a line, its median across it."""
    import altair as alt

    intervals, middles = [], []
    for row, top in plot.placed:
        y = top + row.height - BAR
        if row.interval:
            intervals.append({"x": axis.at(row.interval[0]), "x2": axis.at(row.interval[1]), "y": y})
        if row.middle is not None:
            middles.append({"x": axis.at(row.middle), "y": y - 7, "y2": y + 7})
    line = _layer(data, "intervals", intervals).mark_rule(color=light("ink"), strokeWidth=2, strokeCap="round")
    mark = _layer(data, "medians", middles).mark_rule(color=light("ink"), strokeWidth=3.5)
    return [line.encode(**_placed(), x2=alt.X2("x2")), mark.encode(**_placed(), y2=alt.Y2("y2"))]


def _dots(plot: Plot, axis: Axis, data: Data) -> list[Any]:
    """Two layers a row: filled dots, and open ones on the rail."""
    layers = []
    for position, (row, top) in enumerate(plot.placed):
        middle, colour = top + 4 + ROOM / 2, light(row.colour)
        xs = [axis.at(value) for value in row.values if value < math.inf]
        offsets = swarm(xs, RADIUS, ROOM - 2 * RADIUS)
        on_axis = [{"x": x, "y": middle + y} for x, y in zip(xs, offsets, strict=True)]
        never = pile(row.values.count(math.inf), RADIUS, RAIL - 32, ROOM - 2 * RADIUS)
        on_rail = [{"x": axis.rail + x, "y": middle + y} for x, y in never]
        paper = light("paper")
        for name, dots, fill, line, wide in (
            ("dots", on_axis, colour, paper, 0.8),
            ("open", on_rail, paper, colour, 1.6),
        ):
            style = {"fill": fill, "stroke": line, "strokeWidth": wide, "fillOpacity": 0.85}
            chart = _layer(data, f"{name}{position}", dots).mark_circle(size=math.pi * RADIUS**2, opacity=1, **style)
            layers.append(chart.encode(**_placed()))
    return layers


def _labels(plot: Plot, data: Data) -> list[Any]:
    """The name of each row, left of the plot."""
    import altair as alt

    names = [
        {"x": -10, "y": top + (4 + ROOM / 2 if row.values else row.height - BAR), "text": row.label}
        for row, top in plot.placed
    ]
    chart = _layer(data, "rowlabels", names)
    chart = chart.mark_text(align="right", baseline="middle", fontSize=13, color=light("ink"))
    return [chart.encode(**_placed(), text=alt.Text("text:N"))]


def _compact(drawn: str) -> str:
    """Circles in place of the arcs that Vega writes, their style once on the group: a third of the bytes."""
    root = ET.fromstring(drawn)  # noqa: S314 - our own drawing
    for group in root.iter("g"):
        if "mark-symbol" in (group.get("class") or "") and len(group):
            style = group[0].attrib.items()
            group.attrib.update({name: value for name, value in style if name not in ("d", "transform")})
            for path in group:
                x, _, y = path.attrib["transform"].removeprefix("translate(").removesuffix(")").partition(",")
                path.tag, path.attrib = "circle", {"cx": x, "cy": y, "r": f"{RADIUS:g}"}
    return ET.tostring(root, encoding="unicode")
