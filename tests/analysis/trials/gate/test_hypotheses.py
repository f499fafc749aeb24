"""Tests of a scenario's hypotheses: weights, what is paired, what is replayed, and what can't be reached."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.analysis.trials.gate.hypotheses import Sides, hypotheses_of
from gameday.analysis.trials.gate.outage_phases import TrialTimes, trial_times
from tests.support.documents import outcomes_of
from tests.support.outcomes import phased

LUCK = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8, 10.1, 9.6]


def side(count: int, slower: float, name: str, seeds: int = 0) -> list[TrialTimes]:
    documents: list[dict[str, Any]] = phased(LUCK[:count], slower, name)
    for document in documents:
        document["run"]["seed"] += seeds
    return [trial_times(outcome) for outcome in outcomes_of(documents)]


def names(count: int, level: float = 0.01, **options: Any) -> dict[str, list[str]]:
    sides = Sides(side(count, 1.0, "b"), side(count, 1.3, "n"), **options)
    tests = hypotheses_of(sides, level)
    assert sum(test.weight for test in tests) == pytest.approx(1.0)
    return {test.name: list(test.parts) for test in tests}


def test_five_trials_are_tested_by_phase() -> None:
    """Five pairs of the same seed can't reach the level, so that TTR is tested by ranks."""
    assert names(5) == {"phases": ["ttd_s", "decide_s", "operate_s", "settle_s"], "ttr": ["ttr_s"]}


def test_many_trials_of_the_same_seeds_are_paired() -> None:
    """TTR and TTD depend on the seed: twelve pairs are tested as pairs; other seeds aren't."""
    assert names(12) == {"phases": ["decide_s", "operate_s", "settle_s"], "paired": ["ttr_s", "ttd_s"]}
    other = Sides(side(12, 1.0, "b"), side(12, 1.0, "n", seeds=100))
    assert [test.name for test in hypotheses_of(other, 0.01)] == ["phases", "ttr"]


def test_replayed_detectors_replace_the_times_to_detect() -> None:
    """On the same streams only the detectors differ; equal ones add no test that could cost power."""
    same = [(1.0, 1.0)] * 10
    assert names(5, replayed=same) == {"phases": ["decide_s", "operate_s", "settle_s"], "ttr": ["ttr_s"]}
    slower = [(1.0, 1.5 + i / 10) for i in range(10)]
    assert names(5, replayed=slower)["replay"] == ["ttd_s"]


def test_the_seeds_halve_nothing_that_is_not_known() -> None:
    """A trial without a seed, and seeds that come twice on a side, make no pairs."""
    twice = [*side(6, 1.0, "b"), *side(6, 1.0, "c")]
    assert [test.name for test in hypotheses_of(Sides(twice, side(12, 1.0, "n")), 0.01)] == ["phases", "ttr"]
