"""Exposure of requests to a release: the probability that the release had part in each request's answer.

An answer names the releases that had part in it (`X-Release`). A request without such a name, because it timed out or
a service before the release failed, gets the probability that others of its step at its time would have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gameday.recording.samples import ErrorKind, Samples
from gameday.scenario import Slo
from gameday.slo.breach_windows import select

Weights = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BIN_S = 0.5
"""The share of a release is measured in stretches of so many seconds."""
PRIOR = 0.5
"""How many requests the expected share of a release counts as, in each stretch."""


def bad_requests(slos: tuple[Slo, ...], samples: Samples) -> Flags:
    """Return which requests failed, were answered wrongly or broke an SLO that covers them."""
    error = np.asarray(samples.records["error"])
    bad: Flags = (error != ErrorKind.NONE) & (error != ErrorKind.NOT_SENT)
    for slo in slos:
        counts, good = select(slo, samples)
        bad |= np.asarray(counts & ~good)
    return bad


@dataclass(frozen=True)
class Traffic:
    """The sent requests of a stretch of a run by column, in order of planned time."""

    planned: Weights
    step: npt.NDArray[Any]
    region: npt.NDArray[Any]
    release: npt.NDArray[Any]
    bad: Flags
    steps: tuple[str, ...]
    regions: tuple[str, ...]
    releases: tuple[tuple[str, ...], ...]
    """Number of a record's releases → their names."""

    @classmethod
    def of(cls, samples: Samples, bad: Flags, since: float, until: float) -> Traffic:
        """Return the requests planned between `since` and `until` that were sent."""
        records = samples.records
        planned = np.asarray(records["planned"], float)
        sent = (np.asarray(records["error"]) != ErrorKind.NOT_SENT) & (planned >= since) & (planned <= until)
        step, region, release = (np.asarray(records[name])[sent] for name in ("step", "region", "release"))
        names = tuple(tuple(name.split()) for name in samples.releases)
        return cls(
            planned[sent],
            step,
            region,
            release,
            bad[sent],
            tuple(samples.steps),
            tuple(samples.regions),
            names,
        )

    @cached_property
    def reach(self) -> dict[str, Weights]:
        """Return service → the share of each step's good requests in whose answer it had part."""
        good = ~self.bad
        per_step = np.bincount(self.step[good], minlength=len(self.steps)).astype(float)
        pairs = np.zeros((len(self.steps), max(1, len(self.releases))))
        np.add.at(pairs, (self.step[good], self.release[good]), 1.0)
        services = sorted({service_of(name) for names in self.releases for name in names})
        has = {
            service: np.array([any(service_of(name) == service for name in names) for names in self.releases])
            for service in services
        }
        return {
            service: (pairs[:, : len(mask)] @ mask) / np.maximum(per_step, 1.0)
            for service, mask in has.items()
        }

    def touching(self, service: str) -> Weights:
        """Return the probability that each request involves the service, by its step."""
        reach = self.reach.get(service)
        return np.zeros(len(self.planned)) if reach is None else reach[self.step]

    def exposed(self, service: str, release: str, since: float, until: float | None) -> Weights:
        """Return the probability that `release` had part in each request; it shipped at `since`, left at `until`."""
        named = np.array([_named(names, service, release) for names in self.releases] or [np.nan])
        known = named[self.release]
        bins = ((self.planned - self.planned[0]) / BIN_S).astype(int) if len(self.planned) else self.step
        has = ~np.isnan(known)
        shares = np.bincount(bins[has], known[has], minlength=int(bins.max(initial=0)) + 1)
        counts = np.bincount(bins[has], minlength=len(shares))
        begins = (self.planned[0] if len(self.planned) else 0.0) + BIN_S * np.arange(len(shares))
        expected = ((begins >= since) & (begins < (np.inf if until is None else until))).astype(float)
        share = (shares + PRIOR * expected) / (counts + PRIOR)
        weights: Weights = np.where(has, known, share[bins] * self.touching(service))
        return weights


def service_of(release: str) -> str:
    """Return the service of a release's name: `pricing-1.1.0` → `pricing`."""
    return release.rpartition("-")[0]


def _named(names: tuple[str, ...], service: str, release: str) -> float:
    """Return 1.0 if the names hold the release, 0.0 if they hold another one of the service, NaN if they hold none."""
    if release in names:
        return 1.0
    return 0.0 if any(service_of(name) == service for name in names) else np.nan
