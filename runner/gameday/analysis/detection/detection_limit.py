"""How soon the best possible detector could have raised: the limit that every time to detect is held against.

Requests fail independently, with probability p0 before the change and p1 after it. No rule with as few false alarms
has a shorter mean delay than CUSUM designed for just this p0 and p1 (Moustakides 1986). Its mean delay is computed
exactly, from the Markov chain that its sum is, for the lowest threshold that keeps to the budget of false alarms. What
p0 and p1 were in a run is for others to say.
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
COARSE = 100  # good requests to outweigh a bad one; from here on a fraction of one more doesn't matter
FINEST = 1000  # good requests to outweigh a bad one; beyond that several requests make one step of the chain
RAREST = 1e-12  # a p0 below it isn't told from it

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
    """Mean seconds to the alarm of the best detector at `rate` requests/s with one false alarm in `arl_s` seconds.

    It counts from the first bad request, as TTD does, or from the change, which comes 1/(rate × p1) before that. Where
    `streams` of them page, each has its share of the budget: one false alarm in arl_s × streams. Infinite where
    p1 ≤ p0, since there is nothing to detect. Right to 1 % for budgets up to 1e13 requests and p0 up to 5 %; above
    that the lattice is coarse and the limit comes out too long: by 1.5 % at p0 = 10 %, by up to a quarter at 20 %.
    Raises ValueError for a probability outside [0, 1], or a rate, arl_s or streams that isn't positive.
    """
    if not (0 <= p0 <= 1 and 0 <= p1 <= 1 and rate > 0 and arl_s > 0 and streams > 0):
        raise ValueError(f"no limit for p0 = {p0:g}, p1 = {p1:g}, {rate:g}/s, {streams} × {arl_s:g} s")
    if p1 <= p0:
        return math.inf
    requests = _delay(max(p0, RAREST), max(p1, 2 * RAREST), arl_s * streams * rate)
    return max(0.0, requests - (1 / p1 if since == "first-bad" else 0.0)) / rate


def _delay(p0: float, p1: float, arl: float) -> float:
    """Mean requests from the change to the alarm, of the best design that keeps to one false alarm in `arl` requests.

    Sums walk on a lattice, so the weight that the likelihood ratio gives a bad request, in good ones, is rounded: to a
    whole number, or where it is below 1 to one over a whole number. Down and up are both tried, where that matters.
    """
    weight = _weight(p0, p1)
    if weight < 1:
        fall = 1 / weight if weight else math.inf
        return min(_delay_falling(each, p0, p1, arl) for each in _rounded(fall))
    if weight > FINEST:
        return _delay_in_steps(p0, p1, arl, math.ceil(weight / FINEST))
    down, *up = _rounded(weight)
    sinking = [each for each in up if each * p0 < 1 - p0]  # without a change the sum is to stay low
    return min(_delay_rising(int(each), p0, p1, arl) for each in (down, *sinking))


def _weight(p0: float, p1: float) -> float:
    """How many good requests outweigh a bad one in telling p1 from p0; 0 where a single good one denies p1."""
    return math.log(p1 / p0) / (math.log1p(-p0) - math.log1p(-p1)) if p1 < 1 else 0.0


def _rounded(weight: float) -> tuple[float, ...]:
    if math.isinf(weight):
        return (weight,)
    return (math.floor(weight), math.floor(weight) + 1) if weight < COARSE else (math.floor(weight),)


def _delay_in_steps(p0: float, p1: float, arl: float, step: int) -> float:
    """The same for rare errors: `step` requests are taken as one, bad if any of them is."""
    q0, q1 = (-math.expm1(step * math.log1p(-p)) for p in (p0, p1))
    return step * (_delay(q0, q1, arl / step) - 1 / q1) + 1 / p1


def _delay_rising(weight: int, p0: float, p1: float, arl: float) -> float:
    """Of the CUSUM in which a bad request adds `weight` and a good one takes 1, at the lowest sufficient threshold."""
    threshold = 0
    for lengths in _run_lengths(weight, p0):
        if lengths[-1] >= arl:
            threshold += int(np.argmax(lengths >= arl))
            break
        threshold += weight
    block, place = divmod(threshold, weight)
    return float(next(islice(_run_lengths(weight, p1), block, None))[place])


def _delay_falling(fall: float, p0: float, p1: float, arl: float) -> float:
    """Of the CUSUM in which a bad request adds 1 and a good one takes `fall`, infinity included."""
    threshold = next(i for i, length in enumerate(_run_lengths_falling(fall, p0)) if length >= arl)
    return next(islice(_run_lengths_falling(fall, p1), threshold, None))


def _run_lengths_falling(fall: float, p: float) -> Iterator[float]:
    """Mean requests to the alarm for thresholds 1, 2, 3, … bad requests, without end.

    From a sum of s the mean is L(s) with L(s) = 1 + p·L(s+1) + (1−p)·L(max(s−fall, 0)), so that L(0) − L(s), which is
    the answer for the threshold s, grows by (1 + (1−p)·(its growth over the last `fall` sums))/p.
    """
    lengths = [0.0]
    while True:
        back = lengths[max(0, len(lengths) - 1 - int(min(fall, len(lengths))))]
        lengths.append(lengths[-1] + (1 + (1 - p) * (lengths[-1] - back)) / p)
        yield lengths[-1]


def _run_lengths(weight: int, p: float) -> Iterator[Lengths]:
    """Mean requests to the alarm for thresholds 1, 2, 3, … good requests, `weight` of them at a time, without end.

    A good request takes 1 from the sum, never below 0, a bad one adds `weight`; each is bad with probability p. From x
    under the topmost quiet sum the mean is L(x) with L(x+1) = (L(x) − 1 − p·L(x−weight))/q, q = 1 − p, and 0 above the
    top. So L(x) = L(0)·A(x) − B(x) where A, with A(0) = 1, obeys the same without the 1, and B is the sum of A below x
    over q. Neither knows the threshold h; a sum of 0 doesn't fall, hence L(h) = L(h−1), which gives L(0), then L(h−1).
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
