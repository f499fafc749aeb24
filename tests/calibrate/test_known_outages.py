"""The schedule by which a calibration cuts and restores its link."""

from __future__ import annotations

import numpy as np

from gameday.calibrate.bench import SLO
from gameday.calibrate.known_outages import LENGTH_S, QUIET_S, expected_seconds, schedule
from tests.support.nonempty_all import nonempty_all


def test_the_same_seed_gives_the_same_outages() -> None:
    """Another seed gives other outages."""
    assert schedule(60, 7) == schedule(60, 7)
    assert schedule(60, 7) != schedule(60, 8)


def test_outages_meet_the_second_in_every_phase() -> None:
    """Cuts and restorations are spread over all phases of the second, so that no tick is favoured."""
    steps = schedule(600, 1)
    ends = np.cumsum([part for step in steps for part in (step.quiet, step.length)])
    for phases in (ends[0::2] % 1, ends[1::2] % 1):
        counts, _ = np.histogram(phases, 10, (0, 1))
        assert counts.min() > 30


def test_outages_are_far_enough_apart() -> None:
    """Quiet lasts at least two windows and an outage at least one; sixty outages take at most six
    minutes."""
    assert QUIET_S[0] >= 2 * SLO.window
    assert LENGTH_S[0] >= SLO.window
    steps = schedule(60, 3)
    assert len(steps) == 60
    assert nonempty_all(
        QUIET_S[0] <= step.quiet <= QUIET_S[1] and LENGTH_S[0] <= step.length <= LENGTH_S[1] for step in steps
    )
    assert expected_seconds(60) < 360
