"""Detection limit: the mean delay of the best possible detector, which every time to detect is compared with.

Requests fail independently, with probability p0 before the change and p1 after it. No rule with as few false alarms
has a shorter mean delay than CUSUM designed for exactly this p0 and p1 (Moustakides 1986). Its mean delay is computed
exactly, from the Markov chain of its sum, for the lowest threshold that keeps to the budget of false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from gameday.analysis.trials.binomial import upper_bound
from gameday.slo.run_lengths import Design, design, threshold_for

__all__ = ["DAY_S", "limit", "upper_bound"]

DAY_S = 86_400.0
RAREST = 1e-12  # a smaller p0 is treated as this
SMALL = 100  # a smaller weight of a bad request is tried with both neighbours


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
    infinite if p1 ≤ p0, since there is nothing to detect. It is exact to 1 %, and always between the time of the first
    bad request and that of a false alarm. Raise ValueError if a probability is outside [0, 1], or if rate, arl_s or streams isn't positive.
    """
    if not (0 <= p0 <= 1 and 0 <= p1 <= 1 and rate > 0 and arl_s > 0 and streams > 0):
        raise ValueError(f"no limit for p0 = {p0:g}, p1 = {p1:g}, {rate:g}/s, {streams} × {arl_s:g} s")
    if p1 <= p0:
        return math.inf
    requests = _delay(max(p0, RAREST), max(p1, 2 * RAREST), arl_s * streams * rate)
    return max(0.0, requests - (1 / p1 if since == "first-bad" else 0.0)) / rate


def _delay(p0: float, p1: float, arl: float) -> float:
    """Return the mean requests from the change to the alarm, of the best design with one false alarm in `arl` requests.

    If p0 and p1 are too close to design for, return the time of a false alarm, which no delay exceeds.
    """
    if p1 >= 1:
        return float(_in_a_row(p0, arl))
    try:
        delay = min(one.mean_delay(p1) for one in _designs(p0, p1, arl))
    except ValueError:
        delay = arl
    return max(1 / p1, min(delay, max(arl, 1 / p1)))


def _in_a_row(p0: float, arl: float) -> int:
    """Return how many bad requests in a row come once in `arl` requests or less often."""
    in_a_row, quiet = 1, 1 / p0
    while quiet < arl:
        in_a_row, quiet = in_a_row + 1, (quiet + 1) / p0
    return in_a_row


def _designs(p0: float, p1: float, arl: float) -> Iterator[Design]:
    """Yield the design for p1 and, if rounding its weight matters, those with the neighbouring weights."""
    best = design(p0, p1, arl)
    yield best
    for rise in (best.rise - 1, best.rise + 1) if best.step == 1 and best.rise < SMALL else ():
        if 0 < rise * p0 < best.fall * (1 - p0):
            yield replace(best, rise=rise, threshold=threshold_for(rise, best.fall, p0, arl))
