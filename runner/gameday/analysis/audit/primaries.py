"""Primaries: which databases acknowledged orders when, and whether two of them did in the same time.

Every answer names the database that took part by its region and the timeline of its log, from the server itself; nothing
of the shop's or the operators' own idea of who leads is used. A database led at some moment between an order's request and
its answer, and a database of one name leads without a break, since nobody else may lead on its timeline. So it surely led
from its first acknowledgement to the request of the last order that it acknowledged.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gameday.analysis.model.harm_models import PrimarySpan, TwoPrimaries
from gameday.recording.samples import ErrorKind, Samples, among

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lead:
    """The orders that one database acknowledged: `start` and `end` of their requests, in seconds since the run's start."""

    name: str
    start: Times
    end: Times

    @property
    def since(self) -> float:
        return float(self.end.min())

    @property
    def until(self) -> float:
        return float(self.start.max())

    def span(self) -> PrimarySpan:
        """Return the time from the first order's request to the last one's answer."""
        first, last = float(self.start.min()), float(self.end.max())
        return PrimarySpan(primary=self.name, since=first, until=last, acknowledged=len(self.end))

    def within(self, other: Lead) -> list[tuple[float, float]]:
        """Return (start, end) of this database's orders during which the other one surely led."""
        inside = (self.start > other.since) & (self.end < other.until)
        return list(zip(self.start[inside].tolist(), self.end[inside].tolist(), strict=True))


def leads(samples: Samples) -> list[Lead] | None:
    """Return the databases that acknowledged orders, by their first acknowledgement; None if no answer names one."""
    if not any(samples.primaries):
        return None
    records = samples.records
    good = (
        (records["order"] > 0)
        & among(records["error"], (ErrorKind.NONE, ErrorKind.WRONG))
        & (records["status"] // 100 == 2)
    )
    at = np.flatnonzero(good)
    number, start, end = records["primary"][at], records["start"][at], records["end"][at]
    spans = [
        Lead(name, start[number == index], end[number == index])
        for index, name in enumerate(samples.primaries)
        if name and (number == index).any()
    ]
    return sorted(spans, key=lambda lead: lead.since)


def two_primaries(spans: list[Lead]) -> tuple[TwoPrimaries, ...]:
    """Return each pair of databases that acknowledged orders in the same time, with that time."""
    pairs = [_shared(one, other) for one, other in itertools.combinations(spans, 2)]
    return tuple(pair for pair in pairs if pair is not None)


def _shared(one: Lead, other: Lead) -> TwoPrimaries | None:
    spans = [*one.within(other), *other.within(one)]
    since, until = max(one.since, other.since), min(one.until, other.until)
    if since < until:
        spans.append((since, until))
    if not spans:
        return None
    return TwoPrimaries(
        primaries=(one.name, other.name),
        since=min(begin for begin, _ in spans),
        until=max(end for _, end in spans),
    )
