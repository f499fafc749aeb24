"""Panels by group: requests and failures by region and by release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gameday_reports.charts import time_series
from gameday_reports.charts.palette import series as series_colour
from gameday_reports.charts.panel_axes import nice, peak, share_top
from gameday_reports.charts.time_series import Floats, Mask
from gameday_reports.charts.timeline_chart import Frame, Panel, Series
from gameday_reports.run_page.run_data import Run, changed_service

UNNAMED = "no answer"


@dataclass(frozen=True)
class Figure:
    """A heading with its panels below each other and the sentence that explains them."""

    title: str
    caption: str
    panels: Sequence[Panel]


def regions(run: Run, over: Frame) -> Figure:
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
    """Return two panels, requests per second and share failed (or wrong), with a line for each group."""
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
    top = nice(max((peak(line.values) for line in rates), default=1.0))
    about = f"A line for each {what}, in bins of {rate.width:g} s."
    worst = max((peak(line.values) for line in shares), default=0.0)
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
            share_top(np.array([worst]), 0.01),
            height=96,
        ),
    ]


def _lines(values: Sequence[tuple[str, Floats]]) -> list[Series]:
    dashes: tuple[tuple[int, int] | None, ...] = (None, (6, 3), (2, 2), (8, 2))
    return [
        Series(name, series_colour(i), found, dashes[i % len(dashes)])
        for i, (name, found) in enumerate(values)
    ]


def releases(run: Run, over: Frame) -> Figure | None:
    """Return the share of traffic by release of the changed service, and the failures of each release."""
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
    ratios: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratios
