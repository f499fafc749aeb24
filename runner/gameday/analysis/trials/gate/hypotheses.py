"""Hypotheses of one scenario: its trials on both sides, and the tests of them with their weights.

Weights add up to 1 for each scenario, and α is for all scenarios together (Holm's procedure with weights). The phases of
an outage are tested together, so that five trials a side are enough to find which of them became slower.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gameday.analysis.trials.binomial import at_most, fisher, fisher_least
from gameday.analysis.trials.gate import permutation_test
from gameday.analysis.trials.gate.outage_phases import PHASES, TIMES, TrialTimes, matrix, same_seeds, values
from gameday.analysis.trials.statistics import Shift, hodges_lehmann, mann_whitney, median

MAIN, REST = 0.8, 0.2
"""Weights of the phases and of TTR; of TTR and TTD if no operation ended the outages."""
SHARES_WEIGHT, REPLAY_WEIGHT = 0.4, 0.2
"""Shares of a scenario's weight for Fisher's tests and for the replay of the detectors, if they can reach anything."""
LIVE_S = 0.01
"""Seconds: a page that was raised live is journalled so much later than its replay, at most."""
SHARES = ("never", "effect")
Replayed = Sequence[tuple[float, float]]
"""(TTD of base's detectors, TTD of new's) on the same streams, one for each run; infinite if nothing was detected."""


@dataclass(frozen=True)
class Pair:
    """The values of one metric of one scenario on both sides; infinite if a trial never came so far."""

    metric: str
    base: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def comparable(self) -> bool:
        return bool(self.base and self.new)

    @cached_property
    def p(self) -> float:
        return mann_whitney(self.base, self.new)

    @cached_property
    def shift(self) -> Shift:
        return hodges_lehmann(self.base, self.new)

    @property
    def relative(self) -> float | None:
        """Return the shift as a share of base's median; None if the median is infinite."""
        middle = median(self.base).value
        if middle is None or math.isinf(middle):
            return None
        if middle == 0:
            return math.copysign(math.inf, self.shift.value) if self.shift.value else 0.0
        return self.shift.value / abs(
            middle
        )  # settling begins before the operation is confirmed, and may be negative


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis of a scenario: its weight, its p, and the adjusted p of each part. `least`: what p could be at best.

    `name`: phases, ttr, paired, never, effect or replay.
    """

    name: str
    weight: float
    p: float
    least: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Share:
    """How many of the trials that were measured had something happen, on both sides."""

    base: int
    base_n: int
    new: int
    new_n: int

    @property
    def comparable(self) -> bool:
        return bool(self.base_n and self.new_n)

    @property
    def p(self) -> float:
        return fisher(self.base, self.base_n, self.new, self.new_n)

    @property
    def least(self) -> float:
        return fisher_least(self.base + self.new, self.base_n, self.new_n)


@dataclass(frozen=True)
class Sides:
    """The trials of both sides of one scenario. Base's times are multiplied by `factor`, the speed of the machine."""

    base: Sequence[TrialTimes]
    new: Sequence[TrialTimes]
    replayed: Replayed = ()
    factor: float = 1.0

    @cached_property
    def pairs(self) -> dict[str, Pair]:
        pairs = {}
        for metric in TIMES:
            scaled = tuple(value * self.factor for value in values(self.base, metric))
            pairs[metric] = Pair(metric, scaled, values(self.new, metric))
        return pairs

    @cached_property
    def shares(self) -> dict[str, Share]:
        """Return the shares of outages that didn't end by themselves, and of faults that had an effect."""
        counted = {}
        for name, happened in (("never", _never), ("effect", _effect)):
            sides = [
                [state for trial in side if (state := happened(trial)) is not None]
                for side in (self.base, self.new)
            ]
            counted[name] = Share(sum(sides[0]), len(sides[0]), sum(sides[1]), len(sides[1]))
        return counted

    @cached_property
    def operated(self) -> bool:
        """Return True if an operation ended outages on both sides."""
        return self.pairs["operate_s"].comparable

    def same_seeds(self, level: float) -> list[tuple[TrialTimes, TrialTimes]]:
        """Return pairs of the same seed, with all times known; empty if so few can't reach the level."""
        matched = [
            (base, new)
            for base, new in same_seeds(self.base, self.new)
            if {"ttr_s", "ttd_s"} <= base.times.keys() & new.times.keys()
        ]
        return matched if matched and 2.0 ** -len(matched) < level else []


def _never(trial: TrialTimes) -> bool | None:
    return None if trial.recovered is None else not trial.recovered


def _effect(trial: TrialTimes) -> bool | None:
    return trial.effect


def hypotheses_of(sides: Sides, level: float) -> list[Hypothesis]:
    """Return the tests of a scenario; their weights add up to 1. `level` is α for this scenario alone.

    A test that can't reach its level at the given numbers is left out (Tarone 1990): it could only cost the others power.
    """
    shares = _share_tests(sides, level * SHARES_WEIGHT)
    replayed = _replay_test(sides.replayed, level * REPLAY_WEIGHT * (1 - SHARES_WEIGHT))
    timed = _timed_tests(sides, level)
    rest = 1.0
    weighted: list[Hypothesis] = []
    for group, weight in ((shares, SHARES_WEIGHT), (replayed, REPLAY_WEIGHT)):
        if group:
            weight = weight * rest if timed else rest
            weighted += [_weighed(test, weight / len(group)) for test in group]
            rest -= weight
    return [*(_weighed(test, test.weight * rest) for test in timed), *weighted]


def _share_tests(sides: Sides, level: float) -> list[Hypothesis]:
    """Return Fisher's tests that can reach their part of the level."""
    tests = [
        Hypothesis(name, 1.0, share.p, share.least)
        for name, share in sides.shares.items()
        if share.comparable and share.least < level
    ]
    return [test for test in tests if test.least < level / len(tests)]


def _weighed(test: Hypothesis, weight: float) -> Hypothesis:
    return Hypothesis(test.name, weight, test.p, test.least, test.parts)


def _replay_test(replayed: Replayed, level: float) -> list[Hypothesis]:
    """Return the sign test of the streams on which the two detectors differ; exact and one-sided."""
    differ = [new > base for base, new in replayed if new != base and not abs(new - base) <= LIVE_S]
    least = 0.5 ** len(differ)
    if not differ or least >= level:
        return []
    p = at_most(len(differ) - sum(differ), len(differ), 0.5)
    return [Hypothesis("replay", 1.0, p, least, {"ttd_s": p})]


def _timed_tests(sides: Sides, level: float) -> list[Hypothesis]:
    """Return the tests of the times, weights adding up to 1. TTR, and TTD with it, is paired by seed if that can reach."""
    matched = sides.same_seeds(level * REST)
    by_replay = bool(sides.replayed)
    ttd = () if by_replay or matched else ("ttd_s",)
    if sides.operated:
        metrics = [*ttd, *(metric for metric in PHASES[1:] if sides.pairs[metric].comparable)]
        tests = [_phases_test(sides, metrics, MAIN)]
        return [*tests, _paired_test(sides, matched, by_replay) if matched else _ttr_test(sides, REST)]
    if matched:
        return [_weighed(_paired_test(sides, matched, by_replay), 1.0)]
    ttr = [_ttr_test(sides, MAIN)] if sides.pairs["ttr_s"].comparable else []
    detection = [_phases_test(sides, ["ttd_s"], REST)] if ttd and sides.pairs["ttd_s"].comparable else []
    whole = sum(test.weight for test in (*ttr, *detection))
    return [_weighed(test, test.weight / whole) for test in (*ttr, *detection)]


def _ttr_test(sides: Sides, weight: float) -> Hypothesis:
    pair = sides.pairs["ttr_s"]
    return Hypothesis(
        "ttr", weight, pair.p, permutation_test.least_p(len(pair.base), len(pair.new)), {"ttr_s": pair.p}
    )


def _phases_test(sides: Sides, metrics: Sequence[str], weight: float) -> Hypothesis:
    """Return the test of several phases together; trials in which none of them is known are left out."""
    base, new = (
        [row for row in matrix(side, metrics) if not all(map(math.isnan, row))]
        for side in (sides.base, sides.new)
    )
    ps = permutation_test.two_samples(np.array(base) * sides.factor, np.array(new))
    least = permutation_test.least_p(len(base), len(new))
    return Hypothesis("phases", weight, min(ps), least, dict(zip(metrics, ps, strict=True)))


def _paired_test(
    sides: Sides, matched: Sequence[tuple[TrialTimes, TrialTimes]], by_replay: bool
) -> Hypothesis:
    metrics = ["ttr_s"] if by_replay else ["ttr_s", "ttd_s"]
    base = np.array(matrix([pair[0] for pair in matched], metrics)) * sides.factor
    ps = permutation_test.pairs(base, np.array(matrix([pair[1] for pair in matched], metrics)))
    return Hypothesis("paired", REST, min(ps), 0.5 ** len(matched), dict(zip(metrics, ps, strict=True)))


def adjusted(
    tests: Iterable[tuple[str, Hypothesis]], factors: Iterable[tuple[float, float]]
) -> Iterator[tuple[str, str, float]]:
    """Yield (scenario, metric or share, adjusted p) for every part of the tests."""
    for (scenario, test), (p, factor) in zip(tests, factors, strict=True):
        for part, inner in (test.parts or {test.name: test.p}).items():
            yield scenario, part, min(1.0, max(p, inner * factor))
