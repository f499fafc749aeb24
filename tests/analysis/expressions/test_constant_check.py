"""Tests of conditions that are constant: each is rejected before a run, at its place and with a hint."""

from __future__ import annotations

import pytest

from gameday.analysis.expressions.domains import Domain, candidates
from gameday.analysis.expressions.expectations import check
from gameday.analysis.expressions.vocabulary import ABORT, EXPECT


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (
            'slos["shop"].verdict != "breached"',
            ["slos.shop.verdict is never 'breached'", "did you mean 'breach'"],
        ),
        ('"OK" == slos.shop.verdict', ["is never 'OK'", 'one of "ok", "breach", "unknown"']),
        ('ended_by != "responders"', ["ended_by is never 'responders'", "did you mean 'responder'"]),
        (
            'ttd < 5s && ended_by in ["responder", "sistem"]',
            ["is never 'sistem', at character 13", "'system'"],
        ),
        ('slos.all(n, slos[n].verdict != "failed")', ["slos[…].verdict is never 'failed'"]),
        (
            "impact.failed_ratio < 500%",
            ["impact.failed_ratio is a ratio", "5 is", "written with their unit: 50%"],
        ),
        ("impact.users_affected_ratio <= 30", ["is a ratio", "30 is"]),
        ('impact.regions["us-east"].failed_ratio <= 100%', ["always true", "from 0 to 1"]),
        ("ttr >= 0s", ["always true: ttr is from 0 up"]),
        ("0 <= audit.lost", ["always true: audit.lost is a whole number from 0 up"]),
        ("audit.lost > -1", ["always true"]),
        ("ttd < 0s", ["never true"]),
        ("operations.total == 1.5", ["never true"]),
        ("alerts != 0.5", ["always true"]),
        ("1 < 2", ["can't fail: it holds whatever happens"]),
        ("true", ["can't fail"]),
        ("2 < 1", ["can't hold, whatever happens"]),
        ("ttd < 5s || ttd >= 5s", ["can't fail"]),
        ("effect || !effect", ["can't fail"]),
        ("ttd < 5s && ttd > 10s", ["can't hold"]),
        ('ended_by == "system" && ended_by == "responder"', ["can't hold"]),
        ('ended_by.startsWith("x")', ["can't hold"]),
        ("slos.all(n, true)", ["can't fail"]),
        ("ttr + 1s > 0s", ["can't fail"]),
    ],
)
def test_an_expectation_that_is_constant_is_refused(expression: str, words: list[str]) -> None:
    """A gate that can't fail, or can't hold, is an error with its place and a hint."""
    problem = str(check(expression, EXPECT))
    for word in (*words, "at character", "\n"):
        assert word in problem


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ('slos["shop"].verdict == "breached"', ["is never 'breached'"]),
        ('slos["shop"].verdict == "unknown"', ["is never 'unknown'"]),  # unknown makes the condition unknown
        ("impact.failed_ratio > 50", ["is a ratio"]),
        ("elapsed >= 0s", ["always true"]),
        ("elapsed > 5s || true", ["always holds: it ends every run"]),
        ("elapsed < 5s && elapsed > 6s", ["can never hold: it ends no run"]),
    ],
)
def test_a_condition_that_is_constant_is_refused(expression: str, words: list[str]) -> None:
    """An abort condition that never holds guards nothing, and one that always holds ends every run."""
    problem = str(check(expression, ABORT))
    for word in words:
        assert word in problem


@pytest.mark.parametrize(
    "expression",
    [
        "audit.lost == 0",
        "audit.rpo_s <= 0s",
        "audit.lost <= 30",
        "impact.failed_ratio <= 99.9%",
        "customer_reports.ahead_client_s > -5s",
        'ended_by in ["responder", ""]',
        'slos.exists(n, slos[n].verdict == "unknown")',
        "slos.shop.budget_spent < 150%",
        "effect ? ttr < 5s : alerts == 0",
        "detectors.cusum.ttd < detectors.scrape.ttd",
        "ttr < 30s || !recovered",
    ],
)
def test_a_condition_that_can_fail_is_taken(expression: str) -> None:
    """Comparisons at the edge of a domain, of two names, and of shares above 100 % that aren't ratios are valid."""
    assert check(expression, EXPECT) is None


def test_candidates_lie_on_both_sides_of_a_literal() -> None:
    """Whole numbers stay whole, and nothing leaves the domain."""
    assert candidates(Domain(whole=True), [2.0]) == [0.0, 1.0, 2.0, 3.0, 1e12]
    assert candidates(Domain(high=1.0), [0.5, 7.0]) == [0.0, 0.4995, 0.5, 0.5005, 1.0]
