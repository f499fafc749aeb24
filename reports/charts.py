"""One panel of the timeline as an Altair chart: series over time, the fault shaded, every clock marked.

All panels of a report share one time axis and the same margins, so that they line up under each other. What the numbers
are is `series`, which panels there are is `figures`. Altair and vl-convert are slow to import, so only here, and late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from reports.lanes import Label, lanes, place
from reports.palette import light
from reports.series import Bins, Floats
from reports.svg import convert

Data = dict[str, list[Mapping[str, Any]]]
"""The rows of each layer of a drawing, by the layer's name."""

LANE = 14
MARGIN_TOP, MARGIN_BOTTOM, MARGIN_RIGHT = 12, 22, 14


@dataclass(frozen=True)
class Size:
    """`width` of the whole drawing and its `left` margin, px."""

    name: Literal["wide", "narrow"]
    width: int
    left: int

    @property
    def plot(self) -> int:
        return self.width - self.left - MARGIN_RIGHT


SIZES = (Size("wide", 920, 52), Size("narrow", 366, 46))


@dataclass(frozen=True)
class Series:
    """One named line or one layer of a stack; NaN is a gap. `dash` tells lines apart without their colour."""

    name: str
    colour: str
    values: Floats
    dash: tuple[int, int] | None = None


@dataclass(frozen=True)
class Limit:
    """A horizontal line, and what the legend says of it."""

    value: float
    text: str


@dataclass(frozen=True)
class Panel:
    """What one drawing shows. `top` and `floor` are the ends of the y axis; a logarithmic one has its floor over 0."""

    id: str
    title: str
    about: str
    unit: Literal["rate", "percent", "latency"]
    bins: Bins
    series: Sequence[Series]
    top: float
    stacked: bool = False
    floor: float = 0.0
    height: int = 150
    labels: bool = False
    limit: Limit | None = None


@dataclass(frozen=True)
class Frame:
    """What all panels share: the time shown, the clocks (name → seconds), the shaded spans."""

    since: float
    until: float
    clocks: Mapping[str, float] = field(default_factory=dict)
    spans: Sequence[tuple[float, float]] = ()

    def labels(self, size: Size) -> list[Label]:
        return place(self.clocks, self.since, self.until, size.plot)


def draw(panel: Panel, frame: Frame, size: Size) -> str:
    """The panel as an SVG element."""
    labels = frame.labels(size) if panel.labels else []
    top = MARGIN_TOP + LANE * lanes(labels)
    data: Data = {}
    chart = _chart(panel, frame, size, labels, top, data)
    attributes = {
        "class": f"chart {size.name}",
        "role": "img",
        "aria-label": f"{panel.title}. {panel.about}",
        "data-panel": panel.id,
        "data-since": f"{frame.since:g}",
        "data-until": f"{frame.until:g}",
        "data-plot": f"{size.left} {top} {size.plot} {panel.height}",
    }
    specification = {**chart.to_dict(validate=False), "datasets": data}
    return convert(specification, attributes, prefix=f"{panel.id}-{size.name}")


def _chart(panel: Panel, frame: Frame, size: Size, labels: Sequence[Label], top: int, data: Data) -> Any:
    import altair as alt

    layers = [_spans(frame, size, data), *_marks(panel, frame, size, data), *_limit(panel, data)]
    layers += [_clock_lines(frame, labels, panel.height, data), *_clock_labels(labels, data)]
    padding = {"left": size.left, "top": top, "right": MARGIN_RIGHT, "bottom": MARGIN_BOTTOM}
    chart = alt.layer(*layers).properties(width=size.plot, height=panel.height, autosize="none", padding=padding)
    chart = chart.configure(aria=False, font="sans-serif", background="transparent")
    axis = {"labelColor": light("soft"), "labelFontSize": 12, "domainColor": light("axis"), "tickColor": light("axis")}
    return chart.configure_view(stroke=None).configure_axis(**axis, gridColor=light("grid"), title=None)


def _layer(data: Data, name: str, values: Sequence[Mapping[str, Any]]) -> Any:
    """A layer called `name` of these rows. They travel beside the chart: Altair copies what is in it often."""
    import altair as alt

    data[name] = list(values)
    return alt.Chart(alt.NamedData(name), name=name)


def _x(frame: Frame, size: Size, name: str = "t") -> Any:
    import altair as alt

    count = 10 if size.name == "wide" else 5
    axis = alt.Axis(grid=False, tickCount=count, labelExpr="datum.label + ' s'", labelOverlap=True, labelFlush=True)
    return alt.X(f"{name}:Q", scale=alt.Scale(domain=[frame.since, frame.until], nice=False), axis=axis)


def _y(panel: Panel, name: str = "v") -> Any:
    import altair as alt

    if panel.unit == "latency":
        scale = alt.Scale(type="log", domain=[panel.floor, panel.top], nice=False, clamp=True)
        values = [10.0**power for power in range(-3, 3) if panel.floor <= 10.0**power <= panel.top]
        text = "datum.value < 1 ? format(datum.value * 1000, '~r') + ' ms' : format(datum.value, '~r') + ' s'"
        return alt.Y(f"{name}:Q", scale=scale, axis=alt.Axis(values=values, labelExpr=text, domain=False, ticks=False))
    scale = alt.Scale(domain=[0, panel.top], nice=False)
    shown = "~%" if panel.unit == "percent" else "~r"
    return alt.Y(
        f"{name}:Q",
        scale=scale,
        axis=alt.Axis(format=shown, tickCount=3 if panel.height < 130 else 4, domain=False, ticks=False),
    )


def _spans(frame: Frame, size: Size, data: Data) -> Any:
    import altair as alt

    shown = [{"t": max(a, frame.since), "t2": min(b, frame.until)} for a, b in frame.spans if b > frame.since]
    chart = _layer(data, "spans", shown).mark_rect(color=light("span"), clip=True)
    return chart.encode(x=_x(frame, size), x2=alt.X2("t2"))


def _marks(panel: Panel, frame: Frame, size: Size, data: Data) -> list[Any]:
    if panel.stacked:
        return _stack(panel, frame, size, data)
    return [_line(each, panel, frame, size, position, data) for position, each in enumerate(panel.series)]


def _stack(panel: Panel, frame: Frame, size: Size, data: Data) -> list[Any]:
    """One layer of bars for each series, each on top of the ones before; bins that are NaN have none."""
    import altair as alt

    layers, below = [], np.zeros(panel.bins.n)
    edges = panel.bins.edges
    for position, each in enumerate(panel.series):
        above = below + np.nan_to_num(each.values)
        bars = [
            {"t": _exact(edges[i]), "t2": _exact(edges[i + 1]), "v": _exact(below[i]), "v2": _exact(above[i])}
            for i in range(panel.bins.n)
            if above[i] > below[i]
        ]
        chart = _layer(data, f"bars{position}", bars).mark_rect(**_filled(each.colour))
        layers.append(chart.encode(x=_x(frame, size), x2=alt.X2("t2"), y=_y(panel), y2=alt.Y2("v2")))
        below = above
    return layers


def _filled(colour: str) -> dict[str, Any]:
    """The style of a bar: a hair line in its own colour closes the seams between neighbours."""
    return {"fill": light(colour), "stroke": light(colour), "strokeWidth": 0.8, "clip": True}


def _points(values: Floats, bins: Bins) -> list[dict[str, float | None]]:
    """Both ends of each bin at its value: the line is exact in time and a lone bin is seen; null breaks it."""
    edges, points = bins.edges, []
    for i, value in enumerate(values):
        shown = None if np.isnan(value) else _exact(value)
        points += [{"t": _exact(edges[i]), "v": shown}, {"t": _exact(edges[i + 1]), "v": shown}]
    return points


def _line(each: Series, panel: Panel, frame: Frame, size: Size, position: int, data: Data) -> Any:
    import altair as alt

    style: dict[str, Any] = {"strokeDash": list(each.dash)} if each.dash else {}
    chart = _layer(data, f"line{position}", _points(each.values, panel.bins))
    chart = chart.mark_line(color=light(each.colour), strokeWidth=1.8, clip=True, **style)
    return chart.encode(x=_x(frame, size), y=_y(panel), order=alt.value(0))


def _limit(panel: Panel, data: Data) -> list[Any]:
    if panel.limit is None:
        return []
    rule = _layer(data, "limit", [{"v": panel.limit.value}])
    return [rule.mark_rule(color=light("limit"), strokeDash=[5, 4]).encode(y=_y(panel))]


def _clock_lines(frame: Frame, labels: Sequence[Label], height: int, data: Data) -> Any:
    """A line for every clock; where the panel has labels, up to the lane of its label."""
    import altair as alt

    start = {label.t: label.lane for label in labels}
    count, lane, lines = lanes(labels), 0, []
    for _, t in sorted(frame.clocks.items(), key=lambda clock: clock[1]):
        lane = start.get(t, lane)
        lines.append({"t": t, "a": _lane_y(lane, count) - 9 if labels else 0, "b": height})
    chart = _layer(data, "clocks", lines).mark_rule(color=light("clock"), strokeWidth=1)
    return chart.encode(x=alt.X("t:Q"), y=alt.Y("a:Q", scale=None, axis=None), y2=alt.Y2("b"))


def _lane_y(lane: int, count: int) -> float:
    """The baseline of a lane, px from the plot's top (negative: above it)."""
    return -4.0 - LANE * (count - 1 - lane)


def _clock_labels(labels: Sequence[Label], data: Data) -> list[Any]:
    import altair as alt

    layers = []
    sides: tuple[tuple[bool, Literal["left", "right"], int], ...] = ((False, "left", 4), (True, "right", -4))
    for flipped, align, dx in sides:
        shown = [
            {"x": x.x, "y": _lane_y(x.lane, lanes(labels)), "text": x.text} for x in labels if x.flipped == flipped
        ]
        chart = _layer(data, f"labels{align}", shown)
        chart = chart.mark_text(align=align, dx=dx, baseline="alphabetic", fontSize=11, color=light("ink"))
        x = alt.X("x:Q", scale=None, axis=None)
        layers.append(chart.encode(x=x, y=alt.Y("y:Q", scale=None, axis=None), text=alt.Text("text:N")))
    return layers


def _exact(value: Any) -> float:
    """A plain number for JSON; six decimals are a microsecond."""
    return round(float(value), 6)
