"""Multiwindow, multi-burn-rate alerts, as the SRE Workbook has them page (chapter 5): a common
choice of teams.

The alarm is raised if the error budget burns too fast over a long window and over a twelfth of it,
the short one: 14.4 times too fast over 1 h, or 6 times over 6 h. A game day lasts minutes, so the
windows are `scale` times shorter here, and the burns `burns` times lower so that fewer requests can
show them. `scale: 1, burns: 1` are the book's own.
"""

from __future__ import annotations

from collections import deque

from pydantic import Field

from gameday.detect.baseline_rate import Normal
from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Part

PAGES = ((3600.0, 14.4), (21_600.0, 6.0))  # (long window in seconds, burn rate)
SHORT = 12
SLICES = 500  # of a window: it slides by so small a share of itself


class Parameters(Part):
    """`scale`: how many times shorter the windows are than the book's; `burns`: factor of the book's burn rates."""

    scale: float = Field(default=60.0, gt=0)
    burns: float = Field(default=0.3, gt=0)


class Window:
    """All and bad outcomes of the last `seconds`, kept by slices.

    The time before the first outcome counts as good outcomes at `rate`/s, as a long-running system
    would have seen; otherwise a bad first outcome would be an error ratio of 100 %.
    """

    def __init__(self, seconds: float, rate: float) -> None:
        self.seconds = seconds
        self.rate = rate
        self._slice = seconds / SLICES
        self._slices: deque[list[int]] = deque()
        self._n = self._bad = 0
        self._first: float | None = None

    def add(self, t: float, bad: bool) -> None:
        if self._first is None:
            self._first = t
        place = int(t / self._slice)
        slices = self._slices
        if not slices or slices[-1][0] < place:
            slices.append([place, 0, 0])
        slices[-1][1] += 1
        slices[-1][2] += bad
        self._n += 1
        self._bad += bad
        while slices[0][0] <= place - SLICES:
            _, n, gone = slices.popleft()
            self._n -= n
            self._bad -= gone

    def ratio(self, t: float) -> float:
        """Return the ratio of bad outcomes in the window that ends at `t`."""
        unseen = 0.0 if self._first is None else max(0.0, self.seconds - (t - self._first))
        return self._bad / max(1.0, self._n + unseen * self.rate)


class BurnRate:
    """A `Detector`. `pages`: (long window in seconds, error ratio over which it and its short window raise)."""

    def __init__(self, pages: tuple[tuple[float, float], ...], rate: float) -> None:
        self.pages = pages
        self.rate = rate
        self._raised = False
        self._windows = self._open()

    def observe(self, t: float, good: bool) -> bool:
        if self._raised:
            return False
        for long, short, _ in self._windows:
            long.add(t, not good)
            short.add(t, not good)
        self._raised = not good and any(
            short.ratio(t) > ratio and long.ratio(t) > ratio for long, short, ratio in self._windows
        )
        return self._raised

    def reset(self) -> None:
        """Clear the alarm and restart the windows, as if all outcomes had been good."""
        self._raised = False
        self._windows = self._open()

    def _open(self) -> list[tuple[Window, Window, float]]:
        return [
            (Window(long, self.rate), Window(long / SHORT, self.rate), ratio) for long, ratio in self.pages
        ]


def make(parameters: Parameters, slo: Slo, normal: Normal) -> BurnRate:
    """Return the detector of one SLO's stream. A burn rate that needs more than 100 % of errors
    never raises."""
    budget = 1 - slo.objective
    pages = tuple((seconds / parameters.scale, burn * parameters.burns * budget) for seconds, burn in PAGES)
    return BurnRate(pages, normal.rate)


KIND = DetectorKind(Parameters, make)
