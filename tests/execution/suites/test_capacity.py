"""The number of runs that a machine has room for."""

from __future__ import annotations

import pytest

from gameday.execution.suites.capacity import Capacity, at_once, measure_capacity
from gameday.scenario.yaml_document import Invalid


@pytest.mark.parametrize(
    ("cores", "memory", "most"),
    [(1, 2.0, 1), (2, 64.0, 1), (4, 6.5, 2), (16, 13.0, 4), (16, 64.0, 8), (3, 64.0, 1)],
)
def test_each_run_wants_two_cores_and_three_gibibytes(cores: int, memory: float, most: int) -> None:
    """The scarcer of the two decides; one run is always allowed."""
    assert Capacity(cores, memory).most == most
    assert at_once(None, False, Capacity(cores, memory)) == (most, "")
    assert at_once(1, False, Capacity(cores, memory)) == (1, "")


def test_more_runs_are_refused_unless_crowded_is_given() -> None:
    """With --crowded the runs get the reason with them; if there is room, --crowded changes nothing."""
    small = Capacity(2, 4.0)
    with pytest.raises(Invalid, match=r"^--at-once: 2 is more than the 1 .*: 2 cores and 4.0 GiB free"):
        at_once(2, False, small)
    assert at_once(2, True, small)[0] == 2
    assert "2 runs at once with 2 cores and 4.0 GiB free" in at_once(2, True, small)[1]
    assert at_once(2, True, Capacity(8, 64.0)) == (2, "")


def test_this_machine_has_room_for_one_at_least() -> None:
    """The capacity is computed from this process's usable cores and the memory that is free now."""
    capacity = measure_capacity()
    assert capacity.cores >= 1
    assert capacity.memory > 0
    assert capacity.most >= 1
