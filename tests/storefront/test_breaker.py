"""The breaker: opens on the ratio of failures within its window, lets one call at a time try again."""

import pytest

from storefront.breaker import OPEN_S, WINDOW_S, Breaker
from storefront.problems import Refused
from tests.support.called_clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("far", clock)


def call(breaker: Breaker, answered: bool | None) -> None:
    """A call from its admission to its end."""
    breaker.admit()(answered, 0.01)


def refused(breaker: Breaker) -> bool:
    """Whether a call would not be made."""
    try:
        call(breaker, None)
    except Refused:
        return True
    return False


def opened(breaker: Breaker) -> Breaker:
    """The breaker after three failures."""
    for _ in range(3):
        call(breaker, False)
    return breaker


def test_half_of_the_calls_failing_opens_it(breaker: Breaker) -> None:
    """Good and bad in turn, never two failures in a row: open with the fourth; a third of failures leaves it closed."""
    for answered in (True, True, False, True, True, False):
        call(breaker, answered)
    assert not refused(breaker)
    for answered in (False, False):
        call(breaker, answered)
    assert refused(breaker)


def test_few_calls_are_no_evidence(breaker: Breaker) -> None:
    """Two failures alone don't open it, and calls that were never made don't count."""
    for answered in (False, False, None, None):
        call(breaker, answered)
    assert not refused(breaker)


def test_old_calls_are_forgotten(breaker: Breaker, clock: Clock) -> None:
    """Successes older than the window don't hide that everything fails now."""
    for _ in range(50):
        call(breaker, True)
    clock.now += WINDOW_S + 0.1
    assert refused(opened(breaker))


def test_a_good_probe_closes_it(breaker: Breaker, clock: Clock) -> None:
    """Open for its time, then one call at a time is let through; a good answer lets all through."""
    opened(breaker)
    clock.now += OPEN_S - 0.01
    assert refused(breaker)
    clock.now += 0.01
    probe = breaker.admit()
    assert refused(breaker)
    probe(True, 0.01)
    for _ in range(3):
        call(breaker, True)


def test_a_failed_probe_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    """For as long as the first time; a probe that was never made leaves the way free for another."""
    opened(breaker)
    clock.now += OPEN_S
    call(breaker, None)
    call(breaker, False)
    clock.now += OPEN_S - 0.01
    assert refused(breaker)


def test_calls_from_before_tell_nothing(breaker: Breaker, clock: Clock) -> None:
    """A call that began before it opened neither closes it nor keeps it open for longer."""
    early, late = breaker.admit(), breaker.admit()
    opened(breaker)
    early(True, 1.0)
    assert refused(breaker)
    clock.now += OPEN_S
    late(False, 3.0)
    assert not refused(breaker)
