"""Layout of the dots of a dot plot, without overlap: pure geometry in px.

Dots that would cover one another move aside, up and down in turn. Infinite values lie on a rail
beside the axis, "never".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEP = 1.0  # px between the edges of two dots that stand above each other
CLOSE = 0.55  # where the least value is over this share of the largest, the axis begins at half the largest
ROOM = 1.06  # of the largest value: what the axis shows


@dataclass(frozen=True)
class Axis:
    """Linear axis of `width` px for values from `low` to `high`; infinite values lie at `rail` px."""

    low: float
    high: float
    width: float
    rail: float

    def at(self, value: float) -> float:
        """Return px from the plot's left edge; values below the axis lie at its beginning."""
        if value == math.inf:
            return self.rail
        share = (max(value, self.low) - self.low) / (self.high - self.low)
        return round(min(share, 1.0) * self.width, 2)


def span(values: Iterable[float]) -> tuple[float, float]:
    """Return (low, high) of an axis for these values. It begins at zero, half-way if all values lie close together,
    and below the least value if that is negative."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    if low < 0:
        return ROOM * low, (ROOM * high if high > 0 else 0.0)
    if high <= 0:
        return 0.0, 1.0
    return (high / 2 if low > CLOSE * high else 0.0), ROOM * high


def swarm(xs: Sequence[float], radius: float, room: float) -> list[float]:
    """Return the distance of each dot from the middle line in px, at most `room`/2, in the order of
    `xs`."""
    ends: list[float] = []  # of each lane, where its last dot ends
    lanes = [0] * len(xs)
    for i in sorted(range(len(xs)), key=lambda i: (xs[i], i)):
        lane = next((lane for lane, end in enumerate(ends) if end <= xs[i] - radius), len(ends))
        ends[lane : lane + 1] = [xs[i] + radius]
        lanes[i] = lane
    farthest = max(1, len(ends) // 2)
    step = min(2 * radius + STEP, room / 2 / farthest)
    return [round(_aside(lane) * step, 2) for lane in lanes]


def pile(n: int, radius: float, width: float, room: float) -> list[tuple[float, float]]:
    """Return (x, y) in px of n dots of the same value around their place, side by side in columns."""
    rows = max(1, int(room / (2 * radius + STEP)) + 1)
    columns = -(-n // rows)
    across = min(2 * radius + STEP, width / max(1, columns - 1))
    down = 2 * radius + STEP
    return [
        (
            round((i // rows - (columns - 1) / 2) * across, 2),
            round((i % rows - (min(n, rows) - 1) / 2) * down, 2),
        )
        for i in range(n)
    ]


def _aside(lane: int) -> int:
    """Return 0, −1, 1, −2, 2, … for the lanes 0, 1, 2, 3, 4, …"""
    return (lane + 1) // 2 * (-1 if lane % 2 else 1)
