"""Panels of the timeline from the samples of a run, and the numbers behind them.

Every panel shows one thing: requests, failures against an objective, latency, regions, releases. `timeline_chart` draws
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gameday.recording.samples import ErrorKind
from gameday.slo import select
from gameday_reports.charts import time_series
from gameday_reports.charts.group_panels import Figure, regions, releases
from gameday_reports.charts.panel_axes import latency_ends, nice, peak, share_top
from gameday_reports.charts.timeline_chart import SIZES, Frame, Limit, Panel, Series, draw
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import percent


@dataclass(frozen=True)
class Drawn:
    """A panel ready for the page: its SVGs, wide and narrow, a legend of (name, colour, dashed),
    its limit in words."""

    id: str
    title: str
    svgs: Sequence[str]
    legend: Sequence[tuple[str, str, bool]]
    limit: str


def frame(run: Run) -> Frame:
    """Return the time axis: from the first planned request to the last one or the last clock, in
    whole seconds."""
    planned, clocks = run.samples.records["planned"], run.clocks
    first = float(planned[0]) if len(planned) else min(clocks.values(), default=0.0)
    last = float(planned[-1]) if len(planned) else run.outcome.run.duration_s or 0.0
    since = math.floor(min([first, *clocks.values()]))
    until = max(math.ceil(max([last, *clocks.values()])), since + 1)
    return Frame(since, until, clocks, _spans(run, until))


def _spans(run: Run, until: float) -> list[tuple[float, float]]:
    """Return the span from the fault to recovery; to the end if users never recovered; none if
    there was no effect."""
    begin = run.clocks.get("inject")
    if begin is None or "effect" not in run.clocks:
        return []
    return [(begin, run.clocks.get("recovered", until))]


TIMED = (ErrorKind.NONE, ErrorKind.WRONG, ErrorKind.TIMEOUT)
"""Outcomes of requests that took as long as the user waited for a page; the rest failed before."""


def figures(run: Run, over: Frame) -> list[Figure]:
    """Return every figure that has data."""
    if not len(run.samples.records):
        return []
    parts = [
        _traffic(run, over),
        _errors(run, over),
        _latency(run, over),
        regions(run, over),
        releases(run, over),
    ]
    return [figure for figure in parts if figure is not None and figure.panels]


def drawn(figure: Figure, over: Frame) -> list[Drawn]:
    """Draw each panel of the figure in every size."""
    return [
        Drawn(
            panel.id,
            panel.title,
            [draw(panel, over, size) for size in SIZES],
            [
                (one_series.name, one_series.colour, one_series.dash is not None)
                for one_series in panel.series
            ],
            panel.limit.text if panel.limit else "",
        )
        for panel in figure.panels
    ]


def readout(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Return the numbers of every panel as plain data, for the pointer over a chart. NaN becomes null."""
    return [
        {
            "id": panel.id,
            "start": panel.bins.start,
            "width": panel.bins.width,
            "unit": panel.unit,
            "series": [
                {"name": one_series.name, "values": [_plain(v) for v in one_series.values]}
                for one_series in panel.series
            ],
        }
        for panel in panels
    ]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.4g}")


def _traffic(run: Run, over: Frame) -> Figure:
    bins = time_series.bins_over(over.since, over.until)
    planned = run.samples.records["planned"]
    masks = run.outcomes
    colours = dict(zip(time_series.OUTCOMES, ("good", "failed", "wrong", "not-sent"), strict=True))
    layers = [
        Series(name, colours[name], time_series.rates(bins, planned, mask))
        for name, mask in masks.items()
        if mask.any()
    ]
    top = nice(max(float(np.sum([layer.values for layer in layers], axis=0).max()), 1.0))
    about = f"Stacked bars of requests per second in bins of {bins.width:g} s, by outcome."
    panel = Panel(
        "traffic",
        "Requests per second",
        about,
        "rate",
        bins,
        layers,
        top,
        stacked=True,
        height=170,
        labels=True,
    )
    return Figure(
        "Requests per second",
        f"By planned send time, in bins of {bins.width:g} s. A failed request had an error status, no answer in "
        "time or no connection; a wrong one was answered with the wrong content.",
        [panel],
    )


def _errors(run: Run, over: Frame) -> Figure:
    bins = time_series.bins_over(over.since, over.until, 1.0)
    panels = []
    for position, slo in enumerate(run.slos):
        counted, good = select(slo, run.samples)
        values = time_series.ratio(bins, run.samples.records["planned"], counted, ~good)
        allowed = 1 - slo.objective
        what = f"{slo.name}: {slo.sli} of {slo.journey or 'all requests'}"
        panels.append(
            Panel(
                f"slo-{position}",
                what,
                f"Share of bad requests in bins of {bins.width:g} s, peak {percent(peak(values))}.",
                "percent",
                bins,
                [Series("bad requests", "failed", values)],
                share_top(values, allowed),
                height=96,
                labels=position == 0,
                limit=Limit(allowed, f"objective: at most {percent(allowed)} bad"),
            )
        )
    return Figure(
        "Error ratio by SLO", "Share of bad requests; the dashed line is what the objective allows.", panels
    )


def _latency(run: Run, over: Frame) -> Figure:
    bins = time_series.bins_over(over.since, over.until, 1.0)
    records = run.samples.records
    taken = time_series.latency(records)
    top, floor = latency_ends(taken)
    panels = []
    for number_, journey in enumerate(run.samples.journeys):
        mask = (records["journey"] == number_) & np.isin(records["error"], TIMED)
        quantiles = [
            np.maximum(quantile, floor)
            for quantile in time_series.quantiles(bins, records["planned"], taken, mask)
        ]
        styles = (("p50", None), ("p95", (6, 3)), ("p99", (2, 2)))
        lines = [
            Series(name, name, values, dash) for (name, dash), values in zip(styles, quantiles, strict=True)
        ]
        about = f"Latency percentiles on a logarithmic axis, p99 at most {peak(quantiles[-1]):.2f} s."
        panels.append(
            Panel(
                f"latency-{number_}",
                journey,
                about,
                "latency",
                bins,
                lines,
                top,
                False,
                floor,
                96,
                number_ == 0,
            )
        )
    return Figure(
        "Latency by journey",
        "Of answered requests and time-outs: refusals and error answers, which come fast in an outage, are in the charts of "
        "errors alone. From the planned send time, so that waiting in a stalled client counts; logarithmic. In a second with "
        "fewer than 100 requests of a journey p99 is the slowest of them.",
        panels,
    )
