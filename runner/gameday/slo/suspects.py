"""Suspects: the changes in flight, ranked by how well each one explains the bad requests. Pure.

Each change is a hypothesis: the requests that it is exposed to are bad more often. It is compared with the other changes
and with "no change": a service, a region, a step or everything broke by itself at some moment. A hypothesis is weighed by
its marginal likelihood (beta-binomial counts of bad requests among the exposed ones and among the others), so that release
is held against release, step against step, region against region, and the time of the harm against the time of the change.
docs/suspects.md has the model, its priors and what it can't tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gameday.operations import Change, Suspect
from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo.exposure import Traffic, Weights, bad_requests

SHARE_OF_CHANGES = 0.7
"""Prior probability that an outage is due to a change: about 70 % in Google's SRE Book, chapter 8."""
AT_ONCE = 0.6
"""Prior probability that a change does harm from its first request on."""
DELAY_S = 20.0
"""The mean delay of a harm that begins later."""
ALTERS_OTHERS = {"schema": 0.5, "infra": 0.5}
"""Kind of a change → the prior probability that it also harms requests to instances of the old release."""
ALTERS_OTHERS_DEFAULT = 0.1
MODEL_DOUBT = 0.02
"""The weight of the priors in the result, whatever the evidence: the model may be wrong."""
WORSE, NORMAL = (1.0, 4.0), (0.5, 100.0)
"""Beta priors of the error ratio of exposed requests, and of the others."""
GRID_S, MOST_MOMENTS = 0.5, 200
LONGEST_S = 180.0
"""Only the last so many seconds are evidence."""
IN_FLIGHT = ("running", "done", "failed", "rolled-back", "paused")
"""States of changes that can have done harm."""
LEAST_BAD = 3
"""With fewer bad requests there is nothing to explain."""


@dataclass(frozen=True)
class Window:
    """The stretch of a run that is evidence, in seconds since its start."""

    since: float
    until: float


def suspects(
    changes: Sequence[Change], slos: Sequence[Slo], samples: Samples, window: Window
) -> tuple[Suspect, ...]:
    """Return every change in flight with the probability that it is the cause, the likeliest first.

    The probabilities add up to less than 1; the rest is that of no change. Empty if there is nothing to explain.
    """
    candidates = [
        c for c in changes if c.rollback_of is None and c.state in IN_FLIGHT and c.t <= window.until
    ]
    since = max(window.since, window.until - LONGEST_S)
    traffic = Traffic.of(samples, bad_requests(tuple(slos), samples), since, window.until)
    if not candidates or int(traffic.bad.sum()) < LEAST_BAD:
        return ()
    left = {c.rollback_of: c.t for c in changes if c.rollback_of}
    weighed = _Weighing(traffic)
    exposures = [traffic.exposed(c.service, c.release, c.t, left.get(c.id)) for c in candidates]
    scores = [
        weighed.of_change(change, exposed) for change, exposed in zip(candidates, exposures, strict=True)
    ]
    prior = np.full(len(candidates) + 1, SHARE_OF_CHANGES / len(candidates))
    prior[-1] = 1 - SHARE_OF_CHANGES
    log_odds = np.array([*scores, weighed.of_no_change()]) + np.log(prior)
    posterior = np.exp(log_odds - np.logaddexp.reduce(log_odds))
    posterior = (1 - MODEL_DOUBT) * posterior + MODEL_DOUBT * prior
    ranked = [
        _suspect(change, float(odds), exposed, traffic)
        for change, odds, exposed in zip(candidates, posterior, exposures, strict=False)
    ]
    return tuple(sorted(ranked, key=lambda suspect: (-suspect.odds, -suspect.t)))


def _suspect(change: Change, odds: float, exposed: Weights, traffic: Traffic) -> Suspect:
    """Return the change with its evidence: bad requests with its release, and without it since it shipped."""
    after = traffic.planned >= change.t
    with_it, without = exposed * after, (1 - exposed) * after
    counts = [
        round(float(part.sum())) for part in (with_it * traffic.bad, with_it, without * traffic.bad, without)
    ]
    return Suspect(change.id, change.t, change.service, change.release, change.author, odds, *counts)


class _Weighing:
    """Log marginal likelihoods of hypotheses about one stretch of traffic."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        begin, end = traffic.planned[0], traffic.planned[-1]
        count = int(min(MOST_MOMENTS, max(2, (end - begin) / GRID_S)))
        self._moments = np.linspace(begin, end, count, endpoint=False)
        self._places = np.searchsorted(traffic.planned, self._moments)
        self._n, self._bad = len(traffic.planned), int(traffic.bad.sum())

    def of_change(self, change: Change, exposed: Weights) -> float:
        """Return the log likelihood that the change did the harm, from its start on or some time later."""
        others = ALTERS_OTHERS.get(change.kind, ALTERS_OTHERS_DEFAULT)
        everyone = self._traffic.touching(change.service) * (self._traffic.planned >= change.t)
        parts = [
            np.log(1 - others) + self._from_or_later(exposed, change.t),
            np.log(others) + self._from_or_later(np.maximum(exposed, everyone), change.t),
        ]
        return float(np.logaddexp.reduce(parts))

    def of_no_change(self) -> float:
        """Return the mean likelihood over what may have broken, and when; as a logarithm."""
        likelihoods = np.array([self._at_moments(scope) for scope in self._scopes()])
        return float(np.logaddexp.reduce(likelihoods.ravel()) - np.log(likelihoods.size))

    def _scopes(self) -> Iterator[Weights]:
        traffic = self._traffic
        yield np.ones(self._n)
        for service in traffic.reach:
            yield traffic.touching(service)
        for number in np.unique(traffic.region):
            yield (traffic.region == number).astype(float)
        for number in np.unique(traffic.step):
            yield (traffic.step == number).astype(float)

    def _from_or_later(self, weights: Weights, t: float) -> float:
        """Return the likelihood of harm among `weights` that begins at `t` or, less likely, at a later moment."""
        at_once = self._likelihood(float(weights.sum()), float(weights[self._traffic.bad].sum()))
        later = self._moments > t
        if not later.any():
            return float(at_once)
        prior = np.exp(-(self._moments[later] - t) / DELAY_S)
        delayed = self._at_moments(weights)[later] + np.log(prior / prior.sum())
        return float(
            np.logaddexp(np.log(AT_ONCE) + at_once, np.log(1 - AT_ONCE) + np.logaddexp.reduce(delayed))
        )

    def _at_moments(self, weights: Weights) -> Weights:
        """Return the log likelihood of harm among `weights` from each moment of the grid on."""
        exposed = _suffix_sums(weights, self._places)
        bad = _suffix_sums(weights * self._traffic.bad, self._places)
        return self._likelihood(exposed, bad)

    def _likelihood(self, exposed: Weights | float, bad: Weights | float) -> Weights:
        n, b = np.asarray(exposed, float), np.asarray(bad, float)
        return _log_marginal(b, n, WORSE) + _log_marginal(self._bad - b, self._n - n, NORMAL)


def _suffix_sums(values: Weights, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Weights:
    """Return the sum of the values from each place to the end."""
    sums = np.concatenate((np.cumsum(values[::-1])[::-1], [0.0]))
    chosen: Weights = sums[places]
    return chosen


def _log_marginal(bad: Weights, n: Weights, prior: tuple[float, float]) -> Weights:
    """Return the log probability of the outcomes with an unknown error ratio of a beta prior."""
    a, b = prior
    good = np.maximum(n - bad, 0.0)
    bad = np.maximum(bad, 0.0)
    constant = log_gamma(np.array(a + b)) - log_gamma(np.array(a)) - log_gamma(np.array(b))
    result: Weights = log_gamma(bad + a) + log_gamma(good + b) - log_gamma(bad + good + a + b) + constant
    return result


def log_gamma(x: Weights) -> Weights:
    """Return ln Γ(x) of positive numbers: Stirling's series after eight steps of the recurrence; error below 1e-10."""
    product = np.ones_like(x)
    for step in range(8):
        product = product * (x + step)
    y = x + 8.0
    series = 1 / (12 * y) - 1 / (360 * y**3) + 1 / (1260 * y**5)
    result: Weights = (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(product)
    return result
