"""Layout of the clocks' labels above a chart without overlap, even if several lie within 100 ms.

Pure. A label lies right of its line (left of it if it would leave the chart). Lines that almost
coincide share one label. A line starts at its label's lane and runs down, so later labels step
below those whose text it would cross. `report.js` places labels by the same rule after a zoom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHARACTER = 6.3
"""Width reserved for one character of an 11 px label: over the mean of sans-serif fonts."""
GAP = 4.0
SPARE = 10.0
"""How far a label may reach beyond the plot; the chart's margin is wider."""
MERGE = 3.0
SEPARATOR = " · "


@dataclass(frozen=True)
class Label:
    """`x` is px from the plot's left edge, `lane` 0 the topmost; `flipped` text ends at x, other
    text begins there."""

    text: str
    t: float
    x: float
    lane: int
    flipped: bool

    @property
    def box(self) -> tuple[float, float]:
        """Return the left and right end of the text in px."""
        width = len(self.text) * CHARACTER
        return (self.x - GAP - width, self.x - GAP) if self.flipped else (self.x + GAP, self.x + GAP + width)


def merged(clocks: Mapping[str, float], scale: float) -> list[tuple[str, float]]:
    """Join names whose lines lie within MERGE px of the first of their group; return (text,
    seconds) by time."""
    groups: list[tuple[list[str], float]] = []
    for name, t in sorted(clocks.items(), key=lambda item: item[1]):
        if groups and (t - groups[-1][1]) * scale < MERGE:
            groups[-1][0].append(name)
        else:
            groups.append(([name], t))
    return [(SEPARATOR.join(names), t) for names, t in groups]


def place(clocks: Mapping[str, float], since: float, until: float, width: float) -> list[Label]:
    """Place labels of the clocks (seconds) on a plot of `width` px that shows [since, until]."""
    scale = width / (until - since)
    placed: list[Label] = []
    for text, t in merged(clocks, scale):
        x = (t - since) * scale
        flipped = x + GAP + len(text) * CHARACTER > width + SPARE
        label = Label(text, t, x, 0, flipped)
        lane = 1 + max((other.lane for other in placed if _meet(label, other)), default=-1)
        placed.append(Label(text, t, x, lane, flipped))
    return placed


def _meet(label: Label, other: Label) -> bool:
    """Return True if the label, or its line, would touch the other's text or line."""
    left, right = label.box
    return min(left, label.x) < max(other.box[1], other.x) + GAP and max(right, label.x) > min(
        other.box[0], other.x
    )


def lanes(labels: Sequence[Label]) -> int:
    """Return the number of lanes that the labels need."""
    return 1 + max((label.lane for label in labels), default=-1)
