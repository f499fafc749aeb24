"""Requests that an SLO counts, and its windows that are in breach or too thin to be judged.

A window slides over planned time continuously. It is worst just after a bad request enters it or just before one
leaves it, so the windows that end at a request and those that begin at one stand for all. Most of them are never
computed: time is cut into cells, each a fraction of a window, and the counts of whole cells exclude windows that can't
be in breach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import ErrorKind, Records, Samples, among
from gameday.scenario import Slo
from gameday.slo.verdicts import MINIMUM, critical

Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Times = npt.NDArray[np.float64]

CELLS = 20
"""Cells in a window."""
GRAIN = 1e-9
"""Share of a window by which one may stand out of the judged time, for rounding."""
CHUNK = 1 << 18
"""Requests in one piece of a computation."""
REFUSED = (ErrorKind.STATUS, ErrorKind.CONNECTION)
NO_ANSWER = (ErrorKind.TIMEOUT, *REFUSED)


def select(slo: Slo, samples: Samples) -> tuple[Flags, Flags]:
    """Return (counts, good), both over all records: which requests the SLO counts, and which of them are good."""
    records = samples.records
    error = records["error"]
    counts = error != ErrorKind.NOT_SENT
    if slo.journey is not None:
        known = [i for i, name in enumerate(samples.journeys) if name == slo.journey]
        counts &= among(records["journey"], known)
    if slo.sli == "availability":
        good = ~among(error, NO_ANSWER)
    elif slo.sli == "correctness":
        counts &= records["correct"] != 2
        good = records["correct"] != 0
    else:
        fast = _fast(slo, records)
        counts &= ~(fast & among(error, REFUSED))
        good = fast & (error != ErrorKind.TIMEOUT)
    return counts, good & counts


def _fast(slo: Slo, records: Records) -> Flags:
    """Return which requests were answered in time; piece by piece, since ten million differences take 80 MB."""
    end, planned, fast = records["end"], records["planned"], np.empty(len(records), np.bool_)
    for first in range(0, len(fast), CHUNK):
        part = slice(first, first + CHUNK)
        fast[part] = (end[part] - planned[part]) < slo.under
    return fast


@dataclass(frozen=True)
class Windows:
    """Windows in breach: indices of the first and the last request, ordered by the last.

    `ending` are the indices of the requests at which such a window ends.
    """

    first: Indices
    last: Indices
    ending: Indices

    def part(self, begin: int, end: int) -> Windows:
        """Return the windows begin ≤ number < end."""
        return replace(self, first=self.first[begin:end], last=self.last[begin:end])

    def earliest(self) -> tuple[int, int]:
        """Return (first, last) of the window that ends first, the shortest one of several."""
        return int(self.first[self.last == self.last[0]].max()), int(self.last[0])

    def latest(self) -> tuple[int, int]:
        """Return (first, last) of the window that begins last, the shortest one of several."""
        begin = self.first.max()
        return int(begin), int(self.last[self.first == begin].min())


@dataclass(frozen=True)
class Cells:
    """Cells of time; cell n holds the requests places[n] ≤ i < places[n + 1]."""

    places: Indices

    def within(self, ahead: int, behind: int) -> tuple[Indices, Indices]:
        """Return for each cell n the places of the cells n + `ahead` and n + `behind`, clipped to the cells there are."""
        cells, last = np.arange(len(self.places) - 1), len(self.places) - 1
        low, high = (self.places[np.clip(cells + by, 0, last)] for by in (ahead, behind))
        return low, high

    def members(self, cells: Flags) -> Indices:
        """Return the indices of the requests in the chosen cells."""
        return np.flatnonzero(np.repeat(cells, np.diff(self.places)))


@dataclass(frozen=True)
class Stream:
    """The requests that one SLO counts, since ≤ planned ≤ end.

    `t` are their planned times, ascending; `bad_at` the indices of the bad ones.
    """

    slo: Slo
    since: float
    end: float
    t: Times
    bad_at: Indices
    samples: Samples

    @classmethod
    def of(cls, slo: Slo, samples: Samples, since: float, end: float) -> Stream:
        """Select the requests from `samples`, which are sorted by planned time."""
        planned = samples.records["planned"]
        low, high = np.searchsorted(planned, since), np.searchsorted(planned, end, side="right")
        part = samples.part(samples.records[low:high])
        counts, good = select(slo, part)
        t, bad = planned[low:high], ~good
        if not counts.all():  # compress is three times as fast as a mask as an index
            t, bad = np.compress(counts, t), np.compress(counts, bad)
        return cls(slo, since, end, t, np.flatnonzero(bad), part)

    def since_then(self, begin: float) -> Stream:
        """Return the same requests, of which only those planned at or after `begin` can be bad."""
        return replace(
            self, bad_at=self.bad_at[np.searchsorted(self.bad_at, np.searchsorted(self.t, begin)) :]
        )

    def bad(self, first: int, last: int) -> Flags:
        """Return which of the requests first ≤ i < last are bad."""
        bad = np.zeros(last - first, np.bool_)
        bad[self.bad_at[slice(*np.searchsorted(self.bad_at, (first, last)))] - first] = True
        return bad

    def before(self, at: int, since: float) -> float:
        """Return the midpoint of the planned times of the request at index `at` and the one before it, not before `since`."""
        return max(since, float(self.t[max(at - 1, 0)] + self.t[at]) / 2)

    def answers(self, at: int) -> tuple[float, float]:
        """Return when the last of the bad requests up to index `at` ended, and when the next good one was answered.

        A request planned earlier may end later, if it hung. Without a next good one both are the end of the bad one.
        """
        counts, good, planned, end = self._around(self.t[at] - self.slo.window, self.t[at])
        ended = float(end[counts & ~good].max(initial=self.t[at]))
        counts, good, planned, end = self._around(self.t[at], max(self.t[at], ended) + self.slo.window)
        next_ = end[good & (planned > self.t[at]) & (end >= ended)]
        return ended, float(next_.min(initial=math.inf)) if len(next_) else ended

    def _around(self, since: float, until: float) -> tuple[Flags, Flags, Times, Times]:
        """Return (counts, good, planned, end) of the requests planned in [since, until]."""
        planned = self.samples.records["planned"]
        low, high = np.searchsorted(planned, since), np.searchsorted(planned, until, side="right")
        part = self.samples.part(self.samples.records[low:high])
        return *select(self.slo, part), planned[low:high], part.records["end"]

    def below(self, at: Indices) -> Indices:
        """Return for each i how many of the first i requests are bad."""
        return np.searchsorted(self.bad_at, at)

    def bad_in(self, first: Indices, last: Indices) -> Indices:
        """Return for each pair how many of the requests first ≤ i ≤ last are bad."""
        return self.below(last + 1) - self.below(first)

    def known(self, since: float, end: float) -> bool:
        """Return True if the last window before `end` has enough requests, counting only those since `since`."""
        low = np.searchsorted(self.t, max(since, end - self.slo.window))
        return bool(np.searchsorted(self.t, end, side="right") - low >= MINIMUM)

    def breaches(self) -> Windows:
        """Return every window in breach. Only whole windows are judged, unless all the time is shorter than one."""
        if not len(self.t):
            return Windows(*[np.empty(0, np.intp)] * 3)
        firsts, lasts, ending = [], [], np.empty(0, np.intp)
        for backwards in (True, False):
            at = self._whole(self._suspects(backwards), backwards)
            first, last = self._ending(at) if backwards else self._beginning(at)
            breach = self._in_breach(first, last)
            firsts.append(first[breach])
            lasts.append(last[breach])
            ending = at[breach] if backwards else ending
        first, last = self._outermost()
        breach = self._in_breach(first, last)
        first, last = np.concatenate((*firsts, first[breach])), np.concatenate((*lasts, last[breach]))
        order = np.argsort(last, kind="stable")
        return Windows(first[order], last[order], ending)

    def thin(self) -> Times:
        """Return begin and end of every whole window with too few requests, in shape (k, 2).

        A window is thinnest just after a request leaves it.
        """
        t, window = self.t, self.slo.window
        at = self._few()
        starts = np.concatenate(([self.since], t[at][t[at] + window <= self.end]))
        ends = np.minimum(starts + window, self.end)
        low = np.searchsorted(t, starts, side="right")
        few = np.searchsorted(t, ends, side="right") - low < MINIMUM
        return np.column_stack((starts, ends))[few]

    def _outermost(self) -> tuple[Indices, Indices]:
        """Return the first and last request of the first and of the last window of the judged time."""
        last = np.searchsorted(self.t, self.since + self.slo.window, side="right") - 1
        first = np.searchsorted(self.t, self.end - self.slo.window)
        return np.array((0, first), np.intp), np.array((last, len(self.t) - 1), np.intp)

    def _whole(self, at: Indices, backwards: bool) -> Indices:
        """Return the requests whose window, ending (`backwards`) or beginning there, lies within the judged time."""
        t, grain = self.t[at], GRAIN * self.slo.window
        return at[
            t - self.slo.window >= self.since - grain
            if backwards
            else t + self.slo.window <= self.end + grain
        ]

    def _ending(self, at: Indices) -> tuple[Indices, Indices]:
        """Return the first and last request of the window (t − w, t] that ends at each of these requests."""
        t = self.t[at]
        first = np.searchsorted(self.t, t - self.slo.window, side="right")
        return first, np.searchsorted(self.t, t, side="right") - 1

    def _beginning(self, at: Indices) -> tuple[Indices, Indices]:
        """Return the first and last request of the window [t, t + w) that begins at each of these requests."""
        t = self.t[at]
        return np.searchsorted(self.t, t), np.searchsorted(self.t, t + self.slo.window, side="left") - 1

    def _in_breach(self, first: Indices, last: Indices) -> Flags:
        """Return which of the windows [first, last] are in breach."""
        n, bad = last + 1 - first, self.bad_in(first, last)
        return self._too_many(bad, n) & (n >= MINIMUM)

    def _too_many(self, bad: Indices, n: Indices) -> Flags:
        """Return where `bad` among `n` is a breach, whether or not `n` is enough to judge."""
        breach = bad > n * (1 - self.slo.objective)
        suspect = np.flatnonzero(breach)
        sizes, which = np.unique(n[suspect], return_inverse=True)
        limits = np.array([critical(int(size), self.slo.objective) for size in sizes], dtype=np.intp)
        breach[suspect] = bad[suspect] >= limits[which]
        return breach

    @cached_property
    def _cells(self) -> Cells | None:
        """None if there would be more cells than requests."""
        if not len(self.t):
            return None
        width = self.slo.window / CELLS
        n = int((self.t[-1] - self.t[0]) / width) + 2
        if n > len(self.t):
            return None
        return Cells(np.searchsorted(self.t, self.t[0] + width * np.arange(n + 1)))

    def _suspects(self, backwards: bool) -> Indices:
        """Return the requests at which a window in breach may end (`backwards`) or begin.

        A window has at least the requests of the cells that surely lie inside it, and at most the bad requests of all
        cells that it may touch; a breach among more requests needs at least as many bad ones. One more cell at each end
        allows for rounding.
        """
        if self._cells is None:
            return np.arange(len(self.t))
        inside, touched = (
            ((2 - CELLS, -1), (-CELLS - 1, 2)) if backwards else ((2, CELLS - 1), (-1, CELLS + 2))
        )
        low, high = self._cells.within(*inside)
        first, last = self._cells.within(*touched)
        return self._cells.members(
            self._too_many(self.below(last) - self.below(first), np.maximum(high - low, MINIMUM))
        )

    def _few(self) -> Indices:
        """Return the requests after which a window with too few requests may begin."""
        if self._cells is None:
            return np.arange(len(self.t))
        low, high = self._cells.within(2, CELLS - 1)
        return self._cells.members(high - low < MINIMUM)
