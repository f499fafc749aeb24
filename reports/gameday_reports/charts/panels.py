"""Which panels the timeline has, from the records of a run, and the numbers behind them; drawn by `charts`.

Every panel is one idea: who asked, what failed against an objective, how slow, which region, which release.
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
from gameday_reports.charts.palette import series as series_colour
from gameday_reports.charts.time_series import Floats, Mask
from gameday_reports.charts.timeline_chart import SIZES, Frame, Limit, Panel, Series, draw
from gameday_reports.run_page.run_data import Run, changed_service
from gameday_reports.text.formatting import percent
from gameday_reports.text.loose import number, pick

UNNAMED = "no answer"
FASTEST = 0.001
ENDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
"""Where a latency axis may end, seconds."""
FLOORS = tuple(10.0**power for power in range(-3, 3))
"""Where one may begin: at most the share BELOW of requests is faster, but for the first."""
BELOW = 0.01
CHUNK = 1 << 16  # requests looked at in one piece


@dataclass(frozen=True)
class Figure:
    """One heading with its panels beneath each other and the sentence that explains them."""

    title: str
    caption: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Drawn:
    """A panel ready for the page: its SVGs, wide and narrow, a legend of (name, colour, dashed), its limit in words."""

    id: str
    title: str
    svgs: Sequence[str]
    legend: Sequence[tuple[str, str, bool]]
    limit: str


def frame(run: Run) -> Frame:
    """The time axis: from the first planned request to the last one or the last clock, in whole seconds."""
    planned, clocks = run.samples.records["planned"], run.clocks
    first = float(planned[0]) if len(planned) else min(clocks.values(), default=0.0)
    last = float(planned[-1]) if len(planned) else number(pick(run.outcome, "run", "duration_s")) or 0.0
    since = math.floor(min([first, *clocks.values()]))
    until = max(math.ceil(max([last, *clocks.values()])), since + 1)
    return Frame(since, until, clocks, _spans(run, until))


def _spans(run: Run, until: float) -> list[tuple[float, float]]:
    """From the fault to recovery; to the end where users never recovered; none where the fault had no effect."""
    begin = run.clocks.get("inject")
    if begin is None or "effect" not in run.clocks:
        return []
    return [(begin, run.clocks.get("recovered", until))]


def figures(run: Run, over: Frame) -> list[Figure]:
    """Every figure there is data for."""
    if not len(run.samples.records):
        return []
    found = [
        _traffic(run, over),
        _errors(run, over),
        _latency(run, over),
        _regions(run, over),
        _releases(run, over),
    ]
    return [figure for figure in found if figure is not None and figure.panels]


def drawn(figure: Figure, over: Frame) -> list[Drawn]:
    """Each panel of the figure in every size."""
    return [
        Drawn(
            panel.id,
            panel.title,
            [draw(panel, over, size) for size in SIZES],
            [(each.name, each.colour, each.dash is not None) for each in panel.series],
            panel.limit.text if panel.limit else "",
        )
        for panel in figure.panels
    ]


def readout(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """The numbers of every panel as plain data: what a pointer over a chart shows. NaN is null."""
    return [
        {
            "id": panel.id,
            "start": panel.bins.start,
            "width": panel.bins.width,
            "unit": panel.unit,
            "series": [
                {"name": each.name, "values": [_plain(v) for v in each.values]} for each in panel.series
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
    top = _nice(max(float(np.sum([layer.values for layer in layers], axis=0).max()), 1.0))
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
                f"Share of bad requests in bins of {bins.width:g} s, peak {percent(_peak(values))}.",
                "percent",
                bins,
                [Series("bad requests", "failed", values)],
                _share_top(values, allowed),
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
    top, floor = _latency_ends(taken)
    panels = []
    for number_, journey in enumerate(run.samples.journeys):
        mask = (records["journey"] == number_) & (records["error"] != ErrorKind.NOT_SENT)
        found = [
            np.maximum(each, floor) for each in time_series.quantiles(bins, records["planned"], taken, mask)
        ]
        styles = (("p50", None), ("p95", (6, 3)), ("p99", (2, 2)))
        lines = [Series(name, name, values, dash) for (name, dash), values in zip(styles, found, strict=True)]
        about = f"Latency percentiles on a logarithmic axis, p99 at most {_peak(found[-1]):.2f} s."
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
        "From the planned send time, so that waiting in a stalled client counts; logarithmic. In a second with fewer "
        "than 100 requests of a journey p99 is the slowest of them.",
        panels,
    )


def _latency_ends(taken: Floats) -> tuple[float, float]:
    """(top, floor) of all latency axes: powers of ten, and their half or fifth, around what was seen."""
    highest, seen, under = 0.0, 0, np.zeros(len(FLOORS), np.int64)
    for first in range(0, len(taken), CHUNK):
        part = taken[first : first + CHUNK]
        part = np.compress(np.isfinite(part) & (part > 0), part)
        highest, seen = max(highest, float(part.max(initial=0.0))), seen + len(part)
        under += [np.count_nonzero(part < floor) for floor in FLOORS]
    if not seen:
        return 1.0, FASTEST
    top = next(step for step in (*ENDS, math.inf) if highest * 1.1 < step)
    top = min(top, 2 * highest)
    floor = max(
        (floor for floor, n in zip(FLOORS, under, strict=True) if n <= BELOW * (seen - 1)), default=FASTEST
    )
    return top, min(floor, top / 10)


def _regions(run: Run, over: Frame) -> Figure:
    records = run.samples.records
    groups = [
        (name or UNNAMED, records["region"] == number_) for number_, name in enumerate(run.samples.regions)
    ]
    return Figure(
        "By region",
        "The region that answered. Requests nobody answered belong to no region.",
        _split(
            run,
            over,
            "region",
            sorted(groups, key=lambda group: (group[0] == UNNAMED, group[0])),
            labels=True,
        ),
    )


def _split(run: Run, over: Frame, what: str, groups: Sequence[tuple[str, Mask]], labels: bool) -> list[Panel]:
    """Two panels: requests per second and share failed (or wrong), a line for each group."""
    planned = run.samples.records["planned"]
    rate, share = (
        time_series.bins_over(over.since, over.until, 1.0),
        time_series.bins_over(over.since, over.until, 1.0),
    )
    masks = run.outcomes
    bad, sent = masks["failed"] | masks["wrong"], ~masks["not sent"]
    used = [(name, mask & sent) for name, mask in groups if (mask & sent).any()]
    rates = _lines([(name, time_series.rates(rate, planned, mask)) for name, mask in used])
    shares = _lines(
        [(name, time_series.ratio(share, planned, mask, bad)) for name, mask in used if name != UNNAMED]
    )
    top = _nice(max((_peak(line.values) for line in rates), default=1.0))
    about = f"A line for each {what}, in bins of {rate.width:g} s."
    worst = max((_peak(line.values) for line in shares), default=0.0)
    return [
        Panel(
            f"{what}-rate", "Requests per second", about, "rate", rate, rates, top, height=110, labels=labels
        ),
        Panel(
            f"{what}-bad",
            "Failed or wrong",
            about,
            "percent",
            share,
            shares,
            _share_top(np.array([worst]), 0.01),
            height=96,
        ),
    ]


def _lines(values: Sequence[tuple[str, Floats]]) -> list[Series]:
    dashes: tuple[tuple[int, int] | None, ...] = (None, (6, 3), (2, 2), (8, 2))
    return [
        Series(name, series_colour(i), found, dashes[i % len(dashes)])
        for i, (name, found) in enumerate(values)
    ]


def _releases(run: Run, over: Frame) -> Figure | None:
    """Share of traffic by release of the changed service; and how each release fared."""
    service = changed_service(run)
    names = time_series.releases_of(run.samples, service) if service else []
    if not names:
        return None
    samples, planned = run.samples, run.samples.records["planned"]
    bins = time_series.bins_over(over.since, over.until)
    masks = {
        name: time_series.members(samples.releases, [name], samples.records["release"]) for name in names
    }
    n = np.sum([time_series.counts(bins, planned, mask) for mask in masks.values()], axis=0)
    layers = [
        Series(
            name, series_colour(i) if i else "good", _share(time_series.counts(bins, planned, masks[name]), n)
        )
        for i, name in enumerate(names)
    ]
    about = f"Stacked shares in bins of {bins.width:g} s: roll-out and rollback."
    share = Panel(
        "release-share",
        "Share of traffic",
        about,
        "percent",
        bins,
        layers,
        1.12,
        True,
        height=110,
        labels=True,
    )
    bad = _split(run, over, "release", list(masks.items()), labels=False)[1]
    caption = (
        f"Answers in which a release of {service} had part: the roll-out and the rollback as users met them."
    )
    return Figure(f"By release of {service}", caption, [share, bad])


def _share(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def _peak(values: Floats) -> float:
    """The largest value; 0 where all are NaN."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def _share_top(values: Floats, allowed: float) -> float:
    """The upper end of an axis of ratios: room for the peak and for the objective's line."""
    return min(1.0, max(1.15 * _peak(values), 4 * allowed))


def _nice(value: float) -> float:
    """A little over `value`, so that the highest bar doesn't touch the top."""
    return value * 1.12
