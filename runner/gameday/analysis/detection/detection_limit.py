"""Detection limit: the mean delay of the best possible detector, which every time to detect is compared with.

Requests fail independently, with probability p0 before the change and p1 after it. No rule with as few false alarms
has a shorter mean delay than CUSUM designed for exactly this p0 and p1 (Moustakides 1986). Its mean delay is computed
exactly, from the Markov chain of its sum, for the lowest threshold that keeps to the budget of false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from gameday.analysis.trials.binomial import upper_bound

__all__ = ["DAY_S", "limit", "upper_bound"]

DAY_S = 86_400.0
COARSE = 100  # weight of a bad request in good ones; above it, rounding the weight makes no difference
FINEST = 1000  # weight of a bad request in good ones; above it, several requests make one step of the chain
RAREST = 1e-12  # a smaller p0 is treated as this

Lengths = npt.NDArray[np.float64]


@lru_cache(maxsize=1024)
def limit(
    p0: float,
    p1: float,
    rate: float,
    arl_s: float = 30 * DAY_S,
    *,
    streams: int = 1,
    since: Literal["first-bad", "change"] = "first-bad",
) -> float:
    """Return the mean seconds to the alarm of the best detector at `rate` requests/s.

    The budget is one false alarm in `arl_s` seconds; if `streams` page, each may raise one in arl_s × streams. The
    delay counts from the first bad request, as TTD does, or from the change, which comes 1/(rate × p1) before. It is
    infinite if p1 ≤ p0, since there is nothing to detect. It is exact to 1 % for budgets up to 1e13 requests and p0 up
    to 5 %; above that the lattice is coarse and the limit too long: by 1.5 % at p0 = 10 %, by up to a quarter at 20 %.
    Raise ValueError if a probability is outside [0, 1], or if rate, arl_s or streams isn't positive.
    """
    if not (0 <= p0 <= 1 and 0 <= p1 <= 1 and rate > 0 and arl_s > 0 and streams > 0):
        raise ValueError(f"no limit for p0 = {p0:g}, p1 = {p1:g}, {rate:g}/s, {streams} × {arl_s:g} s")
    if p1 <= p0:
        return math.inf
    requests = _delay(max(p0, RAREST), max(p1, 2 * RAREST), arl_s * streams * rate)
    return max(0.0, requests - (1 / p1 if since == "first-bad" else 0.0)) / rate


def _delay(p0: float, p1: float, arl: float) -> float:
    """Return the mean requests from the change to the alarm, of the best design with one false alarm in `arl` requests.

    The sum moves on a lattice, so the weight that the likelihood ratio gives a bad request, in good ones, is rounded to
    a whole number or, if it is below 1, to one over a whole number. Both directions are tried if that matters.
    """
    weight = _weight(p0, p1)
    if weight < 1:
        fall = 1 / weight if weight else math.inf
        return min(_delay_falling(whole, p0, p1, arl) for whole in _rounded(fall))
    if weight > FINEST:
        return _delay_in_steps(p0, p1, arl, math.ceil(weight / FINEST))
    down, *up = _rounded(weight)
    sinking = [whole for whole in up if whole * p0 < 1 - p0]  # without a change the sum must drift down
    return min(_delay_rising(int(whole), p0, p1, arl) for whole in (down, *sinking))


def _weight(p0: float, p1: float) -> float:
    """Return how many good requests outweigh a bad one in deciding between p0 and p1; 0 if one good one excludes p1."""
    return math.log(p1 / p0) / (math.log1p(-p0) - math.log1p(-p1)) if p1 < 1 else 0.0


def _rounded(weight: float) -> tuple[float, ...]:
    if math.isinf(weight):
        return (weight,)
    return (math.floor(weight), math.floor(weight) + 1) if weight < COARSE else (math.floor(weight),)


def _delay_in_steps(p0: float, p1: float, arl: float, step: int) -> float:
    """Return the same for rare errors: `step` requests are taken as one, which is bad if any of them is."""
    q0, q1 = (-math.expm1(step * math.log1p(-p)) for p in (p0, p1))
    return step * (_delay(q0, q1, arl / step) - 1 / q1) + 1 / p1


def _delay_rising(weight: int, p0: float, p1: float, arl: float) -> float:
    """Return the delay of the CUSUM in which a bad request adds `weight` and a good one subtracts 1.

    The threshold is the lowest that keeps to the budget.
    """
    threshold = 0
    for lengths in _run_lengths(weight, p0):
        if lengths[-1] >= arl:
            threshold += int(np.argmax(lengths >= arl))
            break
        threshold += weight
    block, place = divmod(threshold, weight)
    return float(next(islice(_run_lengths(weight, p1), block, None))[place])


def _delay_falling(fall: float, p0: float, p1: float, arl: float) -> float:
    """Return the delay of the CUSUM in which a bad request adds 1 and a good one subtracts `fall`, which may be inf."""
    threshold = next(i for i, length in enumerate(_run_lengths_falling(fall, p0)) if length >= arl)
    return next(islice(_run_lengths_falling(fall, p1), threshold, None))


def _run_lengths_falling(fall: float, p: float) -> Iterator[float]:
    """Yield the mean requests to the alarm for thresholds 1, 2, 3, … bad requests, without end.

    From a sum of s the mean is L(s) with L(s) = 1 + p·L(s+1) + (1−p)·L(max(s−fall, 0)), so that L(0) − L(s), which is
    the answer for the threshold s, grows by (1 + (1−p)·(its growth over the last `fall` sums))/p.
    """
    lengths = [0.0]
    while True:
        back = lengths[max(0, len(lengths) - 1 - int(min(fall, len(lengths))))]
        lengths.append(lengths[-1] + (1 + (1 - p) * (lengths[-1] - back)) / p)
        yield lengths[-1]


def _run_lengths(weight: int, p: float) -> Iterator[Lengths]:
    """Yield the mean requests to the alarm for thresholds 1, 2, 3, … good requests, `weight` of them at a time.

    A good request subtracts 1 from the sum, never below 0, a bad one adds `weight`; each is bad with probability p.
    From x below the topmost quiet sum the mean is L(x) with L(x+1) = (L(x) − 1 − p·L(x−weight))/q, q = 1 − p, and 0
    above the top. So L(x) = L(0)·A(x) − B(x), with A(0) = 1 and A(x+1) = (A(x) − p·A(x−weight))/q, and B(x) the sum of
    A below x, over q. Neither depends on the threshold h; a sum of 0 doesn't fall, hence L(h) = L(h−1), which gives
    L(0), then L(h−1).
    """
    q = 1 - p
    powers = q ** np.arange(weight + 1)
    before, first, passed = np.zeros(weight), 1.0, 0.0
    while True:
        forced = np.concatenate(([0.0], np.cumsum(powers[:-1] * before)))
        block = (first - p * forced) / powers
        current, first = block[:-1], float(block[-1])
        rise = p * (
            current - before
        )  # q·(A(x+1) − A(x)); 0 where its digits are spent: no alarm in 1e15 requests
        sums = passed + (np.cumsum(current) - current) / q
        yield current * np.divide(current, rise, out=np.full(weight, np.inf), where=rise > 0) - sums
        passed = float(sums[-1] + current[-1] / q)
        before = current
