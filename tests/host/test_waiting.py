"""Waiting for a condition, always with a time limit."""

from __future__ import annotations

import pytest

from gameday.host.waiting import NotInTime, wait_until


def test_returns_the_first_true_value() -> None:
    """The value is returned at once if it is true; `pause` isn't called then."""

    def pause(seconds: float) -> None:
        raise AssertionError("paused")

    assert wait_until(lambda: [7], 5, "no number came", pause=pause) == [7]


def test_asks_again_after_each_pause() -> None:
    """Between two calls the pause is as long as asked for, but never beyond the limit."""
    values = iter([0, "", None, "here"])
    pauses: list[float] = []
    assert wait_until(lambda: next(values), 60, "it is not here", every=0.5, pause=pauses.append) == "here"
    assert pauses == [0.5, 0.5, 0.5]


def test_says_what_was_awaited() -> None:
    """A condition that never holds raises an error that names it and the limit; it is asked once more at the end."""
    asked: list[int] = []
    with pytest.raises(NotInTime, match=r"^the port is still taken within 0\.05 s$"):
        wait_until(lambda: asked.append(1), 0.05, "the port is still taken", every=30)
    assert len(asked) == 2


def test_a_pause_may_end_the_wait() -> None:
    """An exception of `pause` is passed on: a system that is being torn down waits for nothing more."""

    def pause(seconds: float) -> None:
        raise InterruptedError("torn down")

    with pytest.raises(InterruptedError, match="torn down"):
        wait_until(lambda: False, 60, "it never holds", pause=pause)
