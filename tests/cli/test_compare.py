"""`gameday compare --interleave`: one stage or two, and how many trials each has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
import pytest

from gameday.cli.compare import in_stages, stages_of
from tests.support.documents import outcomes_of
from tests.support.outcomes import phased

LUCK = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8, 10.1, 9.6]


def runner(slower: Sequence[float], asked: list[int]) -> Callable[[int], Any]:
    """Return what makes trials; the operation of new is slower by each factor in turn."""

    def run(trials: int) -> Any:
        begun = sum(asked)
        asked.append(trials)
        base = phased(LUCK, 1.0, "b")[begun : begun + trials]
        new = [phased(LUCK, factor, "n")[i] for i, factor in enumerate(slower)][begun : begun + trials]
        return [{"x": outcomes_of(base)}, {"x": outcomes_of(new)}]

    return run


@pytest.mark.parametrize(
    ("slower", "stages", "status"),
    [
        ([2.0] * 12, [5], 1),  # found by five
        ([1.0] * 12, [5], 0),  # p is far from small
        ([1.0, 1.0, 1.0, 1.1, 1.2, *[1.0] * 7], [5, 7], 0),  # p = 0.27: open, and then nothing
        ([1.0, 1.3, 1.3, 1.3, 1.3, *[1.3] * 7], [5, 7], 1),  # open, and then found
    ],
)
def test_the_second_stage_is_run_if_the_first_leaves_it_open(
    slower: list[float], stages: list[int], status: int
) -> None:
    """Five trials decide, or p is between the level and 0.35 and seven more follow; each stage has half of α."""
    asked: list[int] = []
    comparison = in_stages(runner(slower, asked), [5, 7], 0.01, 0.15)
    assert comparison is not None
    assert (asked, comparison.exit_status, comparison.alpha) == (stages, status, 0.005)


def test_an_interrupted_stage_is_no_result() -> None:
    """Nothing is compared."""
    assert in_stages(lambda _: None, [5, 7], 0.01, 0.15) is None


def test_many_trials_are_one_stage() -> None:
    """From eight trials on the whole level is used at once, unless --up-to says otherwise."""
    stages = stages_of
    assert (stages(5, None), stages(10, None), stages(10, 20), stages(5, 5)) == ([5, 7], [10], [10, 10], [5])
    with pytest.raises(click.BadParameter, match="fewer than"):
        stages(5, 4)
