"""Colours of the report for both themes. Charts are drawn in the light ones; the style sheet swaps
them.

Every light colour differs from every other, because the swap in a chart goes by value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    light: str
    dark: str


COLOURS: Mapping[str, Colour] = {
    "ink": Colour("#1d2430", "#e6e9ee"),
    "soft": Colour("#5a6473", "#a3adba"),
    "grid": Colour("#e3e6eb", "#2f3743"),
    "axis": Colour("#aab2bd", "#4b5563"),
    "paper": Colour("#ffffff", "#171c24"),
    "span": Colour("#fbe3df", "#3b2526"),
    "clock": Colour("#49525f", "#b9c2ce"),
    "limit": Colour("#a8321f", "#f28b7a"),
    "good": Colour("#8fb3d4", "#4d7ba6"),
    "failed": Colour("#c63d2f", "#ee6f60"),
    "wrong": Colour("#d7901f", "#e5ad4f"),
    "not-sent": Colour("#79818d", "#8d96a3"),
    "p50": Colour("#1f5f99", "#7db8ec"),
    "p95": Colour("#2b8a7e", "#5cc4b6"),
    "p99": Colour("#9a5fb5", "#c796de"),
    "series-1": Colour("#2f6eaa", "#72aee6"),
    "series-2": Colour("#c9711f", "#eb9f57"),
    "series-3": Colour("#3d8f63", "#6cc598"),
    "series-4": Colour("#8b55a8", "#c08bdb"),
    "series-5": Colour("#99802a", "#cdb35a"),
    "series-6": Colour("#6b7686", "#97a2b2"),
}
SERIES = ("series-1", "series-2", "series-3", "series-4", "series-5", "series-6")


def light(name: str) -> str:
    return COLOURS[name].light


def series(position: int) -> str:
    """Return the name of the colour of the n-th of several similar things; the last one repeats."""
    return SERIES[min(position, len(SERIES) - 1)]


def variables(dark: bool) -> str:
    """Return the CSS custom properties `--c-<name>` of one theme."""
    return "".join(f"--c-{name}:{each.dark if dark else each.light};" for name, each in COLOURS.items())


def dark_charts() -> str:
    """Return the CSS rules that swap the light colours inside charts for the dark ones."""
    rules = []
    for name, each in COLOURS.items():
        for what in ("fill", "stroke"):
            rules.append(f'.chart [{what}="{each.light}"]{{{what}:var(--c-{name})}}')
    return "".join(rules)
