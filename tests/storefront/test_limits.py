"""Limits: a client's requests, repeats, and calls under way to a slow peer."""

from contextlib import suppress

import pytest

from storefront.limits import BURST, CALLS, CLIENTS, FEWEST, MOST, Budget, RateLimit, Shedding
from storefront.problems import Refused
from tests.support.called_clock import Clock


def test_a_client_has_a_burst_and_then_a_rate() -> None:
    """Ten at once, five a second from then on; another client has its own."""
    clock = Clock()
    limit = RateLimit(clock)
    assert [limit.allows("a") for _ in range(12)] == [True] * int(BURST) + [False] * 2
    assert limit.allows("b")
    clock.now += 1.0
    assert [limit.allows("a") for _ in range(6)] == [True] * 5 + [False]


def test_only_so_many_clients_are_remembered() -> None:
    """The one not seen for longest is forgotten, and begins anew."""
    limit = RateLimit(Clock())
    for _ in range(int(BURST)):
        limit.allows("first")
    for number in range(CLIENTS):
        limit.allows(str(number))
    assert limit.allows("first")


def test_repeats_are_a_tenth_of_requests() -> None:
    """What is saved up can be spent at once; then one in ten."""
    budget = Budget()
    assert [budget.spend() for _ in range(12)] == [True] * 10 + [False] * 2
    spent = 0
    for _ in range(100):
        budget.earn()
        spent += budget.spend()
    assert spent == pytest.approx(10, abs=1)


def room(shedding: Shedding) -> int:
    """How many calls are let in at once; all of them end in time."""
    admitted = []
    with suppress(Refused):
        while True:
            admitted.append(shedding.admit())
    for over in admitted:
        over(None, 0.0)
    return len(admitted)


def test_answers_too_late_halve_what_is_let_in_once_a_while() -> None:
    """Ten at the same time count as one; down to a single call, never to none."""
    clock = Clock()
    shedding = Shedding("far", 0.7, clock)
    assert room(shedding) == CALLS
    for _ in range(2):
        clock.now += 0.7
        shedding.admit()(True, 1.4)
        shedding.admit()(False, 1.4)
    assert room(shedding) == CALLS / 4
    for _ in range(9):
        clock.now += 0.7
        shedding.admit()(None, 1.4)
    assert room(shedding) == FEWEST
    shedding.admit()
    with pytest.raises(Refused) as refused:
        shedding.admit()
    assert refused.value.retry_after_s == 1


def test_answers_in_time_let_more_in_slowly() -> None:
    """Each adds a part of one, up to a bound."""
    shedding = Shedding("far", 0.7, Clock())
    for _ in range(20):
        shedding.admit()(True, 0.01)
    assert CALLS < room(shedding) < 12
    for _ in range(2000):
        shedding.admit()(True, 0.01)
    assert room(shedding) == MOST
