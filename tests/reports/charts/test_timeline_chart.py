"""gameday_reports.charts.timeline_chart: what a panel shows is in its drawing, in the style that tells it from the rest."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from gameday_reports.charts.palette import light
from gameday_reports.charts.time_series import Bins
from gameday_reports.charts.timeline_chart import SIZES, Frame, Limit, Panel, Series, draw

BINS = Bins(0.0, 1.0, 4)
FRAME = Frame(0.0, 4.0, {"inject": 1.0, "recovered": 3.9}, [(1.0, 3.0)])
LINES = [
    Series("one", "p50", np.array([0.1, 0.2, np.nan, 0.1])),
    Series("two", "p99", np.array([0.2, 0.3, 0.3, 0.3]), (2, 3)),
]
PANEL = Panel("p", "Share", "About.", "percent", BINS, LINES, 0.4, limit=Limit(0.25, "at most"), labels=True)


def mark(svg: str, layer: str) -> str:
    """What was drawn of the layer, style and place."""
    found = re.search(rf'<g class="mark-\w+ role-mark {layer}_marks"[^>]*>(.*?)</g>', svg)
    assert found is not None, layer
    return found[1]


@pytest.fixture(scope="module")
def svg() -> str:
    return draw(PANEL, FRAME, SIZES[0])


def test_lines_are_told_apart_by_colour_and_dash(svg: str) -> None:
    """A gap breaks a line."""
    one, two = mark(svg, "line0"), mark(svg, "line1")
    assert f'stroke="{light("p50")}"' in one
    assert "dasharray" not in one
    assert f'stroke="{light("p99")}"' in two
    assert 'stroke-dasharray="2,3"' in two
    assert one.count("M") == 2
    assert two.count("M") == 1


def test_what_is_allowed_is_a_dashed_line_across(svg: str) -> None:
    """At its value, over the whole width."""
    limit = mark(svg, "limit")
    assert 'stroke-dasharray="5,4"' in limit
    assert (
        f'translate({SIZES[0].plot},{PANEL.height * (1 - 0.25 / 0.4):g})" x2="-{SIZES[0].plot}" y2="0"'
        in limit
    )


def test_the_fault_is_shaded_and_clocks_are_named(svg: str) -> None:
    """A label stands right of its line, or left of it where it would leave the drawing."""
    quarter = SIZES[0].plot / 4
    assert f'd="M{quarter:g},0h{2 * quarter:g}v150h-{2 * quarter:g}Z" fill="{light("span")}"' in mark(
        svg, "spans"
    )
    assert mark(svg, "clocks").count("<line") == 2
    assert "inject" in mark(svg, "labelsleft")
    assert 'text-anchor="end"' in mark(svg, "labelsright")
    assert "recovered" in mark(svg, "labelsright")


def test_stacked_series_stand_on_each_other() -> None:
    """A bar for each bin that has any."""
    layers = [
        Series("good", "good", np.array([1.0, 2.0, 0.0, 1.0])),
        Series("bad", "failed", np.array([0.0, 1.0, 0, 0])),
    ]
    drawn = draw(
        replace(PANEL, unit="rate", series=layers, stacked=True, top=4.0, limit=None), FRAME, SIZES[1]
    )
    assert mark(drawn, "bars0").count("<path") == 3
    assert mark(drawn, "bars1").count("<path") == 1
    assert f'fill="{light("failed")}"' in mark(drawn, "bars1")


def test_latency_has_powers_of_ten() -> None:
    """In ms under a second."""
    panel = replace(PANEL, unit="latency", floor=0.01, top=2.0, limit=None)
    texts = re.findall(r">([\d.]+ m?s)</text>", draw(panel, FRAME, SIZES[0]))
    assert [text for text in texts if "ms" in text or text == "1 s"] == ["10 ms", "100 ms", "1 s"]
