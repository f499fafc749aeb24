"""Ends of the axes of the timeline's panels."""

from __future__ import annotations

import math

import numpy as np

from gameday_reports.charts.time_series import Floats

FASTEST = 0.001
ENDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
"""Where a latency axis may end, seconds."""
FLOORS = tuple(10.0**power for power in range(-3, 3))
"""Where one may begin: at most the share BELOW of requests is faster, but for the first."""
BELOW = 0.01
CHUNK = 1 << 16  # requests looked at in one piece


def latency_ends(taken: Floats) -> tuple[float, float]:
    """Return (top, floor) of all latency axes: powers of ten, their half or fifth, around the values."""
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


def peak(values: Floats) -> float:
    """Return the largest value; 0 if all are NaN."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else 0.0


def share_top(values: Floats, allowed: float) -> float:
    """Return the upper end of an axis of ratios, with room for the peak and the objective's line."""
    return min(1.0, max(1.15 * peak(values), 4 * allowed))


def nice(value: float) -> float:
    """Return a little over `value`, so that the highest bar doesn't touch the top."""
    return value * 1.12
