"""The outcome of the golden run computed independently: by plain loops and textbook sums, without
code of ours.

This is only for a run with one fault, one outage and one page. It may be slow, and must be obvious.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

HEADER, RECORD = 4096, struct.Struct("<dddIIiHHBBBBB3x")
STATUS, TIMEOUT, CONNECTION, WRONG = 1, 2, 3, 4
OBJECTIVES = {
    "checkout": Fraction(995, 1000),
    "browse": Fraction(995, 1000),
    "browse-speed": Fraction(99, 100),
    "prices": Fraction(999, 1000),
}
WINDOW, TIMEOUT_S, DAY = 10.0, 2.0, 86400.0


@dataclass(frozen=True)
class Row:
    planned: float
    start: float
    end: float
    user: int
    order: int
    total: int
    release: str
    status: int
    journey: str
    region: str
    error: int
    correct: int


def rows_of(folder: Path) -> list[Row]:
    """Return every record, by planned time."""
    names: dict[str, list[str]] = {}
    for line in (folder / "samples" / "0.names").read_text().splitlines():
        table, name = json.loads(line)
        names.setdefault(table, []).append(name)
    content = (folder / "samples" / "0.shard").read_bytes()
    (count,) = struct.unpack_from("<Q", content, 16)
    results = []
    for number in range(count):
        planned, start, end, user, order, total, release, status, journey, _, region, error, correct = (
            RECORD.unpack_from(content, HEADER + number * RECORD.size)
        )
        where = names["release"][release], status, names["journey"][journey], names["region"][region]
        results.append(Row(planned, start, end, user, order, total, *where, error, correct))
    return sorted(results, key=lambda row: row.planned)


def events_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


Pairs = list[tuple[float, bool]]


def stream(name: str, rows: Sequence[Row], since: float, end: float) -> Pairs:
    """Return (planned, bad) of each request that the SLO counts."""
    results: Pairs = []
    for row in rows:
        if not since <= row.planned <= end:
            continue
        failed = row.error in (STATUS, TIMEOUT, CONNECTION)
        slow = row.end - row.planned >= 0.3
        if (name == "checkout" and row.journey == "buy") or (name == "browse" and row.journey == "browse"):
            results.append((row.planned, failed))
        elif (
            name == "browse-speed"
            and row.journey == "browse"
            and (slow or row.error not in (STATUS, CONNECTION))
        ):
            results.append((row.planned, slow or row.error == TIMEOUT))
        elif name == "prices" and row.correct != 2:
            results.append((row.planned, row.correct == 0))
    return results


def breach(bad: int, n: int, objective: Fraction) -> bool:
    """Apply the binomial rule, its tail summed term by term."""
    allowed = 1 - objective
    if n < 20 or bad <= n * allowed:
        return False
    p = float(allowed)
    below = math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(bad))
    return 1 - below < 0.01


def breached_windows(pairs: Pairs, objective: Fraction, since: float, end: float) -> list[tuple[int, int]]:
    """Return (first, last) of the whole windows (t − 10, t] and [t, t + 10) in breach, by last request."""
    results = []
    for t, _ in pairs:
        ending = [i for i, (x, _) in enumerate(pairs) if t - WINDOW < x <= t] if t - WINDOW >= since else []
        beginning = [i for i, (x, _) in enumerate(pairs) if t <= x < t + WINDOW] if t + WINDOW <= end else []
        for inside in (ending, beginning):
            bad = sum(pairs[i][1] for i in inside)
            if bad and breach(bad, len(inside), objective):
                results.append((inside[0], inside[-1]))
    return sorted(results, key=lambda window: window[1])


def likely(bads: Sequence[bool], at: int, p0: float, p1: float) -> float:
    """Return the log-likelihood that requests are bad with p0 before index `at` and with p1 from it on."""
    chances = [(p0 if i < at else p1) if bad else 1 - (p0 if i < at else p1) for i, bad in enumerate(bads)]
    return math.fsum(map(math.log, chances))


def onset(bads: Sequence[bool], breach_at: int, end: int, allowed: float) -> tuple[int, float]:
    """Return the most likely change at or before `breach_at`, and p1: the share of bad ones from it to `end`."""
    at = next(i for i, bad in enumerate(bads) if bad)
    for _ in range(20):
        p1 = min(sum(bads[at:end]) / (end - at), 0.99)
        at = max(range(breach_at + 1), key=lambda i: (round(likely(bads[:end], i, allowed / 5, p1), 6), i))
    return at, p1


def error(pairs: Pairs, at: float, p1: float, allowed: float) -> float:
    """Return ± seconds around `at` that hold 97 % of the posterior, on a grid of half milliseconds."""
    bads = [bad for _, bad in pairs]
    p1s = [min(p1 * f, 0.99) for f in (0.5, 0.7, 0.85, 1, 1.2, 1.5, 2)] + [
        allowed * f for f in (1.3, 1.7, 2.2)
    ]
    logs = [
        [likely(bads, i, allowed / 5 * q, p) for p in p1s for q in (1, 0.25)] for i in range(1, len(bads))
    ]
    most = max(map(max, logs))
    spread = []
    for (one, _), (two, _), row in zip(pairs, pairs[1:], logs, strict=False):
        mass, steps = sum(math.exp(log - most) for log in row), max(1, round((two - one) / 0.0005))
        spread += [
            (abs(one + (k + 0.5) * (two - one) / steps - at), mass * (two - one) / steps)
            for k in range(steps)
        ]
    total, seen = sum(mass for _, mass in spread), 0.0
    for off, mass in sorted(spread):
        seen += mass
        if seen >= 0.97 * total:
            return off
    raise AssertionError(total)


@dataclass(frozen=True)
class Outage:
    effect: float
    recovered: float
    effect_error: float
    recovered_error: float


def outage(
    name: str, rows: Sequence[Row], objective: Fraction, times: tuple[float, float, float]
) -> Outage | None:
    """Return the one outage between (since, inject, end), None if there was none."""
    since, inject, end = times
    pairs, allowed = stream(name, rows, since, end), float(1 - objective)
    assert not any(bad for t, bad in pairs if t < inject)
    windows = breached_windows(pairs, objective, since, end)
    if not windows:
        return None
    bads = [bad for _, bad in pairs]
    last_bad = max(i for i, bad in enumerate(bads) if bad)
    first, p1 = onset(bads, windows[0][1], last_bad + 1, allowed)
    backwards, n = bads[::-1], len(bads)
    latest = max(begin for begin, _ in windows)
    last, p1_back = onset(backwards, n - 1 - latest, n - first, allowed)
    last = n - 1 - last
    effect = max(inject, (pairs[first - 1][0] + pairs[first][0]) / 2)
    ended = max(row.end for row in rows if in_error(name, row) and row.planned <= pairs[last][0])
    good = [
        row.end
        for row in rows
        if counts(name, row) and not in_error(name, row) and row.planned > pairs[last][0] and row.end >= ended
    ]
    middle = (pairs[last][0] + pairs[last + 1][0]) / 2
    near = [(inject, False), *((t, bad) for t, bad in pairs[: last + 1] if t >= inject)]
    far = [(-t, bad) for t, bad in pairs[first:]][::-1]
    return Outage(
        effect,
        (ended + min(good)) / 2,
        error(near, effect, p1, allowed),
        max(error([(-end, False), *far], -middle, p1_back, allowed), (min(good) - ended) / 2),
    )


def counts(name: str, row: Row) -> bool:
    return row.journey == {"checkout": "buy", "browse": "browse"}[name]


def in_error(name: str, row: Row) -> bool:
    return counts(name, row) and row.error in (STATUS, TIMEOUT, CONNECTION)


def breached_seconds(pairs: Pairs, objective: Fraction, inject: float, end: float) -> float:
    """Return the time during which the window that ends now was in breach, constant between requests."""
    seconds = 0.0
    for i, (t, _) in enumerate(pairs):
        until = pairs[i + 1][0] if i + 1 < len(pairs) else end
        inside = [bad for x, bad in pairs if t - WINDOW < x <= t]
        if until > inject and breach(sum(inside), len(inside), objective):
            seconds += until - max(t, inject)
    return seconds


def threshold_for(weight: int, p: float, budget: float) -> int:
    """Return the lowest threshold with at least `budget` requests between false alarms."""
    threshold = 1
    while run_length(weight, threshold, p) < budget:
        threshold += 1
    return threshold


def run_length(weight: int, threshold: int, p: float) -> float:
    """Return the mean number of requests until CUSUM raises: the Markov chain of its sum, solved
    directly."""
    chain = np.eye(threshold)
    for s in range(threshold):
        chain[s, max(0, s - 1)] -= 1 - p
        if s + weight < threshold:
            chain[s, s + weight] -= p
    return float(np.linalg.solve(chain, np.ones(threshold))[0])


def limit(p0: float, p1: float, rate: float, streams: int) -> float:
    """Return the best CUSUM of the two whole weights next to the true one, less the wait for the
    first bad request."""
    exact = math.log(p1 / p0) / math.log((1 - p0) / (1 - p1))
    budget = 30 * DAY * streams * rate
    delays = []
    for weight in (math.floor(exact), math.floor(exact) + 1):
        delays.append(run_length(weight, threshold_for(weight, p0, budget), p1))
    return (min(delays) - 1 / p1) / rate


def tally(rows: Sequence[Row]) -> dict[str, Any]:
    bad = [row for row in rows if kind(row)]
    lasted = max(row.end for row in bad) - bad[0].planned if bad else 0.0
    kinds = {name: sum(kind(row) == name for row in rows) for name in ("failed", "wrong", "slow")}
    ratios = {"bad_ratio": len(bad) / len(rows), "failed_ratio": kinds["failed"] / len(rows)} if rows else {}
    return {"requests": len(rows), "bad": len(bad), **kinds, **ratios, "hurt_s": lasted}


def kind(row: Row) -> str:
    """Return how a request was bad, "" if it wasn't; only browse has an objective for latency, 300 ms."""
    if row.error in (STATUS, TIMEOUT, CONNECTION):
        return "failed"
    if row.error == WRONG or row.correct == 0:
        return "wrong"
    return "slow" if row.journey == "browse" and row.end - row.planned >= 0.3 else ""


def waited(rows: Sequence[Row]) -> float:
    """Return how many seconds of the union of bad requests' times there are, counted in tenths of a millisecond."""
    ticks = {
        tick
        for row in rows
        if kind(row)
        for tick in range(round(row.planned * 10_000), round(row.end * 10_000))
    }
    return len(ticks) / 10_000


def people(rows: Sequence[Row]) -> dict[str, Any]:
    hurt = {row.user for row in rows if kind(row)}
    return {"users": len(hurt), "users_affected_ratio": len(hurt) / len({row.user for row in rows})}


def home(user: int) -> str:
    """Return the home of two regions of equal size: multiples of the golden ratio, below a half and
    above."""
    return "us-east" if user * (math.sqrt(5) - 1) / 2 % 1 < 0.5 else "eu-west"


def waits(rows: Sequence[Row]) -> dict[str, float]:
    """Return the wait of the hurt users, from the first failed request to the end of the last:
    median, 95th percentile, longest."""
    spans: dict[int, tuple[float, float]] = {}
    for row in rows:
        if row.error:
            first, last = spans.get(row.user, (row.planned, row.end))
            spans[row.user] = min(first, row.planned), max(last, row.end)
    lasted = sorted(last - first for first, last in spans.values())
    middle, most = math.ceil(len(lasted) / 2) - 1, math.ceil(0.95 * len(lasted)) - 1
    return {"median": lasted[middle], "p95": lasted[most], "longest": lasted[-1]}


WORD = (1 << 64) - 1


def stirred(x: int) -> int:
    """Mix a seed by SplitMix64, as its authors published it."""
    x = (x + 0x9E3779B97F4A7C15) & WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


def complaints(rows: Sequence[Row], seed: int, since: float, end: float, probability: float) -> list[float]:
    """Return the times of the reports of users who met a failure: each with that probability, about
    4 s later, until the end."""
    results = []
    for row in rows:
        if row.error and since <= row.planned <= end:
            drawn = stirred(
                stirred(stirred(seed) ^ row.user) ^ struct.unpack("<Q", struct.pack("<d", row.planned))[0]
            )
            if ((drawn >> 11) + 0.5) / 2**53 < probability:
                u = ((stirred(drawn) >> 11) + 0.5) / 2**53
                results.append(row.end + 4.0 * math.exp(0.8 * NormalDist().inv_cdf(u)))
    return sorted(t for t in results if t <= end)


def tallies(rows: Sequence[Row], key: str) -> dict[str, Any]:
    names = sorted({getattr(row, key) for row in rows})
    return {name: tally([row for row in rows if getattr(row, key) == name]) for name in names}
