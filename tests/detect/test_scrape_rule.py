"""Tests of the service-side rule over scraped totals."""

from __future__ import annotations

from gameday.detect.scrape_rule import Burn, ErrorRatio


def fold(rule: ErrorRatio, scrapes: list[tuple[float, int, int]]) -> list[Burn | None]:
    return [rule.observe(*scrape) for scrape in scrapes]


def test_it_must_stay_bad() -> None:
    """The rule raises once, after every scrape of the `for` time showed a breach."""
    rule = ErrorRatio(0.99, 15.0)
    scrapes = [(0.0, 100, 0), (15.0, 200, 20), (30.0, 300, 40), (45.0, 400, 60)]
    assert fold(rule, scrapes) == [None, None, Burn(20, 100), None]
    rule.reset()
    assert rule.observe(60.0, 500, 80) is None
    assert rule.observe(75.0, 600, 100) == Burn(20, 100)


def test_without_a_time_it_raises_at_once() -> None:
    """`for: 0s` raises at the first scrape in breach; the very first scrape has nothing to compare
    with."""
    assert fold(ErrorRatio(0.99, 0.0), [(0.0, 100, 50), (15.0, 200, 70)]) == [None, Burn(20, 100)]


def test_a_good_scrape_begins_the_time_anew() -> None:
    """A good scrape between two bad ones restarts the `for` time."""
    scrapes = [(0.0, 0, 0), (15.0, 100, 20), (30.0, 200, 20), (45.0, 300, 40)]
    assert fold(ErrorRatio(0.99, 15.0), scrapes) == [None] * 4


def test_missing_data_neither_clears_nor_raises() -> None:
    """A scrape with hardly any requests neither resets the `for` time nor raises."""
    rule = ErrorRatio(0.99, 15.0)
    scrapes = [(0.0, 0, 0), (15.0, 100, 20), (30.0, 100, 20), (45.0, 200, 40)]
    assert fold(rule, scrapes) == [None, None, None, Burn(20, 100)]


def test_within_the_budget_it_is_quiet() -> None:
    """Errors within the objective, or too few to judge, raise no alarm."""
    assert fold(ErrorRatio(0.99, 0.0), [(15.0 * n, 1000 * n, 10 * n) for n in range(10)]) == [None] * 10
