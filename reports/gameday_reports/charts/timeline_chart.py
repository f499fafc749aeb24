"""One panel of the timeline as a Vega-Lite drawing: series over time, faults shaded, clocks marked.

All panels of a report share one time axis and the same margins, so that they line up.
Specifications are plain data: a library that builds them copies and checks every part at every
step, which took longer than the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gameday_reports.charts.label_layout import Label, lanes, place
from gameday_reports.charts.palette import light
from gameday_reports.charts.svg import convert
from gameday_reports.charts.time_series import Bins, Floats

Data = dict[str, list[Mapping[str, Any]]]
"""The rows of each layer of a drawing, by the layer's name."""

Part = dict[str, Any]
"""A part of a Vega-Lite specification: a layer, a channel, an axis."""

LANE = 14
MARGIN_TOP, MARGIN_BOTTOM, MARGIN_RIGHT = 12, 22, 14


@dataclass(frozen=True)
class Size:
    """`width` of the whole drawing and its `left` margin in px."""

    name: Literal["wide", "narrow"]
    width: int
    left: int

    @property
    def plot(self) -> int:
        return self.width - self.left - MARGIN_RIGHT


SIZES = (Size("wide", 920, 52), Size("narrow", 366, 46))


@dataclass(frozen=True)
class Series:
    """A named line or a layer of a stack; NaN is a gap. `dash` tells lines apart without their colour."""

    name: str
    colour: str
    values: Floats
    dash: tuple[int, int] | None = None


@dataclass(frozen=True)
class Limit:
    """A horizontal line, and its text in the legend."""

    value: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One drawing. `top` and `floor` are the ends of the y axis; a logarithmic axis has its floor
    above 0."""

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
    """Return the panel as an SVG element."""
    labels = frame.labels(size) if panel.labels else []
    top = MARGIN_TOP + LANE * lanes(labels)
    data: Data = {}
    layers = [_spans(frame, size, data), *_marks(panel, frame, size, data), *_limit(panel, data)]
    layers += [_clock_lines(frame, labels, panel.height, data), *_clock_labels(labels, data)]
    padding = {"left": size.left, "top": top, "right": MARGIN_RIGHT, "bottom": MARGIN_BOTTOM}
    attributes = {
        "class": f"chart {size.name}",
        "role": "img",
        "aria-label": f"{panel.title}. {panel.about}",
        "data-panel": panel.id,
        "data-since": f"{frame.since:g}",
        "data-until": f"{frame.until:g}",
        "data-plot": f"{size.left} {top} {size.plot} {panel.height}",
    }
    drawing = specification(layers, data, size.plot, panel.height, padding)
    return convert(drawing, attributes, prefix=f"{panel.id}-{size.name}")


def specification(
    layers: list[Part], data: Data, width: float, height: float, padding: Mapping[str, float]
) -> Part:
    """Return a whole drawing: layers on a plot of `width` × `height` px with `padding` px around it."""
    axis = {
        "labelColor": light("soft"),
        "labelFontSize": 12,
        "domainColor": light("axis"),
        "tickColor": light("axis"),
    }
    config = {
        "aria": False,
        "font": "sans-serif",
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**axis, "gridColor": light("grid"), "title": None},
    }
    plot = {"width": width, "height": height, "autosize": "none", "padding": padding}
    return {**plot, "config": config, "layer": layers, "datasets": data}


def layer(data: Data, name: str, rows: Sequence[Mapping[str, Any]], mark: Part, encoding: Part) -> Part:
    """Return a layer called `name` of these rows, which are added to `data`."""
    data[name] = list(rows)
    return {"name": name, "data": {"name": name}, "mark": mark, "encoding": encoding}


def quantity(name: str, **settings: Any) -> Part:
    """Return a channel that shows the numbers called `name`."""
    return {"field": name, "type": "quantitative", **settings}


def pixels(name: str) -> Part:
    """Return a channel whose numbers are px already."""
    return quantity(name, scale=None, axis=None)


def _x(frame: Frame, size: Size) -> Part:
    count = 10 if size.name == "wide" else 5
    axis = {
        "grid": False,
        "tickCount": count,
        "labelExpr": "datum.label + ' s'",
        "labelOverlap": True,
        "labelFlush": True,
    }
    return quantity("t", scale={"domain": [frame.since, frame.until], "nice": False}, axis=axis)


def _y(panel: Panel) -> Part:
    bare = {"domain": False, "ticks": False}
    if panel.unit == "latency":
        scale = {"type": "log", "domain": [panel.floor, panel.top], "nice": False, "clamp": True}
        values = [10.0**power for power in range(-3, 3) if panel.floor <= 10.0**power <= panel.top]
        text = "datum.value < 1 ? format(datum.value * 1000, '~r') + ' ms' : format(datum.value, '~r') + ' s'"
        return quantity("v", scale=scale, axis={**bare, "values": values, "labelExpr": text})
    shown = {"format": "~%" if panel.unit == "percent" else "~r", "tickCount": 3 if panel.height < 130 else 4}
    return quantity("v", scale={"domain": [0, panel.top], "nice": False}, axis={**bare, **shown})


def _spans(frame: Frame, size: Size, data: Data) -> Part:
    shown = [{"t": max(a, frame.since), "t2": min(b, frame.until)} for a, b in frame.spans if b > frame.since]
    mark = {"type": "rect", "color": light("span"), "clip": True}
    return layer(data, "spans", shown, mark, {"x": _x(frame, size), "x2": {"field": "t2"}})


def _marks(panel: Panel, frame: Frame, size: Size, data: Data) -> list[Part]:
    if panel.stacked:
        return _stack(panel, frame, size, data)
    return [_line(each, panel, frame, size, position, data) for position, each in enumerate(panel.series)]


def _stack(panel: Panel, frame: Frame, size: Size, data: Data) -> list[Part]:
    """Return a layer of bars for each series, each on top of the ones before; NaN bins have none."""
    layers, below = [], np.zeros(panel.bins.n)
    edges = panel.bins.edges
    encoding = {"x": _x(frame, size), "x2": {"field": "t2"}, "y": _y(panel), "y2": {"field": "v2"}}
    for position, each in enumerate(panel.series):
        above = below + np.nan_to_num(each.values)
        bars = [
            {"t": _exact(edges[i]), "t2": _exact(edges[i + 1]), "v": _exact(below[i]), "v2": _exact(above[i])}
            for i in range(panel.bins.n)
            if above[i] > below[i]
        ]
        layers.append(layer(data, f"bars{position}", bars, _filled(each.colour), encoding))
        below = above
    return layers


def _filled(colour: str) -> Part:
    """Return a bar mark: a hair line in its own colour closes the seams between neighbours."""
    return {"type": "rect", "fill": light(colour), "stroke": light(colour), "strokeWidth": 0.8, "clip": True}


def _points(values: Floats, bins: Bins) -> list[dict[str, float | None]]:
    """Return both ends of each bin at its value, so that the line is exact in time and a lone bin
    is visible; null breaks it."""
    edges, points = bins.edges, []
    for i, value in enumerate(values):
        shown = None if np.isnan(value) else _exact(value)
        points += [{"t": _exact(edges[i]), "v": shown}, {"t": _exact(edges[i + 1]), "v": shown}]
    return points


def _line(each: Series, panel: Panel, frame: Frame, size: Size, position: int, data: Data) -> Part:
    mark: Part = {"type": "line", "color": light(each.colour), "strokeWidth": 1.8, "clip": True}
    if each.dash:
        mark["strokeDash"] = list(each.dash)
    encoding = {"x": _x(frame, size), "y": _y(panel), "order": {"value": 0}}
    return layer(data, f"line{position}", _points(each.values, panel.bins), mark, encoding)


def _limit(panel: Panel, data: Data) -> list[Part]:
    if panel.limit is None:
        return []
    mark = {"type": "rule", "color": light("limit"), "strokeDash": [5, 4]}
    return [layer(data, "limit", [{"v": panel.limit.value}], mark, {"y": _y(panel)})]


def _clock_lines(frame: Frame, labels: Sequence[Label], height: int, data: Data) -> Part:
    """Return a line for every clock, up to the lane of its label if the panel has labels."""
    start = {label.t: label.lane for label in labels}
    count, lane, lines = lanes(labels), 0, []
    for _, t in sorted(frame.clocks.items(), key=lambda clock: clock[1]):
        lane = start.get(t, lane)
        lines.append({"t": t, "a": _lane_y(lane, count) - 9 if labels else 0, "b": height})
    mark = {"type": "rule", "color": light("clock"), "strokeWidth": 1}
    return layer(data, "clocks", lines, mark, {"x": quantity("t"), "y": pixels("a"), "y2": {"field": "b"}})


def _lane_y(lane: int, count: int) -> float:
    """Return the baseline of a lane in px from the plot's top (negative: above it)."""
    return -4.0 - LANE * (count - 1 - lane)


def _clock_labels(labels: Sequence[Label], data: Data) -> list[Part]:
    layers = []
    style = {"type": "text", "baseline": "alphabetic", "fontSize": 11, "color": light("ink")}
    encoding = {"x": pixels("x"), "y": pixels("y"), "text": {"field": "text", "type": "nominal"}}
    for flipped, align, dx in ((False, "left", 4), (True, "right", -4)):
        shown = [
            {"x": x.x, "y": _lane_y(x.lane, lanes(labels)), "text": x.text}
            for x in labels
            if x.flipped == flipped
        ]
        layers.append(layer(data, f"labels{align}", shown, {**style, "align": align, "dx": dx}, encoding))
    return layers


def _exact(value: Any) -> float:
    """Return a plain number for JSON; six decimals are a microsecond."""
    return round(float(value), 6)
