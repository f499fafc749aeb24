"""Strips of one SLO's error ratio, one for each variant of a matrix, on one time axis.

The axis counts from the fault, so that what followed lines up although every run has its own clock.
`matrix_page` chooses the numbers beside the strips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup

from gameday.scenario.scenario_model import Slo
from gameday.slo import select
from gameday_reports.charts import time_series
from gameday_reports.charts.time_series import Bins, Floats
from gameday_reports.charts.timeline_chart import SIZES, Frame, Limit, Panel, Series, draw
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import percent

BEFORE_S = 10.0
"""How much of the time before the fault is shown, at most."""
HEIGHT = 60
CLOCKS = ("inject", "detect", "act", "recovered")


@dataclass(frozen=True)
class Shown:
    """One variant's run with the zero of its axis, in seconds on its own clock."""

    name: str
    run: Run
    zero: float

    @cached_property
    def planned(self) -> Floats:
        """Return the planned times, counted from the zero."""
        return np.asarray(self.run.samples.records["planned"], np.float64) - self.zero

    @property
    def clocks(self) -> dict[str, float]:
        return {name: self.run.clocks[name] - self.zero for name in CLOCKS if name in self.run.clocks}


@dataclass(frozen=True)
class Strips:
    """One SLO: the drawings of each variant, wide and narrow, and its limit in words."""

    slo: str
    caption: str
    limit: str
    drawn: Sequence[tuple[str, Sequence[Markup]]]


def shown(runs: Mapping[str, Run]) -> list[Shown]:
    """Return the variants that have requests to show."""
    return [Shown(name, run, _zero(run)) for name, run in runs.items() if len(run.samples.records)]


def _zero(run: Run) -> float:
    """Return the time of the fault; without a fault, when the steady state was met, else the first
    request."""
    timeline = run.journal.phase("fault")
    first = float(run.samples.records["planned"][0])
    return run.clocks.get("inject", first if timeline is None else timeline.t)


def strips(variants: Sequence[Shown], order: Sequence[str], room: int) -> Iterator[Strips]:
    """Return the strips by SLO, in the `order` of names, as many as fit into `room` bytes."""
    if not variants:
        return
    bins = _bins(variants)
    for position, name in enumerate(order):
        slo_strips = _strips(variants, name, position, bins)
        room -= sum(len(svg.encode()) for _, svgs in slo_strips.drawn for svg in svgs)
        if room < 0:
            return
        if slo_strips.drawn:
            yield slo_strips


def _bins(variants: Sequence[Shown]) -> Bins:
    """Return whole bins on both sides of the fault over the time that all strips show."""
    since = min(float(variant.planned[0]) for variant in variants)
    until = max(float(each.planned[-1]) for each in variants)
    width = time_series.bins_over(max(since, -BEFORE_S), until, 1.0).width
    before = math.ceil(min(max(-since, 0.0), max(BEFORE_S, width)) / width)
    return Bins(-before * width, width, before + max(1, math.ceil(until / width)))


def _strips(variants: Sequence[Shown], name: str, position: int, bins: Bins) -> Strips:
    of = [(variant, slo) for variant in variants for slo in variant.run.slos if slo.name == name]
    values = [_ratio(each, slo, bins) for each, slo in of]
    allowed = max((1 - slo.objective for _, slo in of), default=0.0)
    top = min(1.0, max([1.15 * _peak(found) for found in values] + [4 * allowed]))
    drawn = []
    for at, ((each, slo), found) in enumerate(zip(of, values, strict=True)):
        panel = _panel(f"strip-{position}-{at}", each.name, slo, found, bins, top)
        frame = Frame(bins.start, float(bins.edges[-1]), each.clocks, _spans(each, name, bins))
        drawn.append((each.name, [Markup(draw(panel, frame, size)) for size in SIZES]))  # noqa: S704 - our own drawing
    what = f"{of[0][1].sli} of {of[0][1].journey or 'all requests'}" if of else ""
    return Strips(
        name, f"Share of bad requests, {what}, in bins of {bins.width:g} s", percent(allowed), drawn
    )


def _panel(ident: str, variant: str, slo: Slo, values: Floats, bins: Bins, top: float) -> Panel:
    about = f"Share of bad requests of {slo.name}, peak {percent(_peak(values))}, seconds from the fault."
    line, limit = Series("bad requests", "failed", values), Limit(1 - slo.objective, "objective")
    return Panel(ident, variant, about, "percent", bins, [line], top, height=HEIGHT, labels=True, limit=limit)


def _ratio(each: Shown, slo: Slo, bins: Bins) -> Floats:
    counts, good = select(slo, each.run.samples)
    return time_series.ratio(bins, each.planned, counts, ~good)


def _spans(each: Shown, slo: str, bins: Bins) -> list[tuple[float, float]]:
    """Return the span from the first effect on the SLO until it held again, or to the end."""
    result = next((result for result in each.run.outcome.slos if result.name == slo), None)
    if result is None or result.effect is None:
        return []
    end = float(bins.edges[-1]) if result.recovered is None else result.recovered - each.zero
    return [(result.effect - each.zero, end)]


def _peak(values: Floats) -> float:
    """Return the largest value; 0 if all are NaN."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
