"""The plan of a suite: its duration, and the set that CI's gate runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution.preparation import UP_S, expected_seconds
from gameday.execution.suites.selection import selected, turns
from gameday.execution.system_reuse import wanted
from gameday.execution.trial import Options

OPTIONS = Options("process", Path("runs"), None, {}, None, False, None)
GATE_S = 600.0


def test_a_system_that_stays_up_isnt_waited_for_again() -> None:
    """Its start isn't counted between trials, nor between scenarios that share the system."""
    ready = selected(("bad-deploy-pricing", "payments-down", "environment-deleted"), (), OPTIONS)
    alone = [expected_seconds(selected.scenario) for selected in ready]
    assert [turn.expected for turn in turns(ready, 1)] == [alone[0], pytest.approx(alone[1] - UP_S), alone[2]]
    assert sum(turn.expected for turn in turns(ready[:1], 4)) == pytest.approx(4 * alone[0] - 3 * UP_S)


def test_the_set_of_ci_has_a_scenario_of_each_family_on_one_system() -> None:
    """Three scenarios let six trials a side detect a shift after Holm's correction, within ten
    minutes."""
    ready = selected((), ("ci",), OPTIONS)
    assert sorted(selected.path.parent.name for selected in ready) == ["bad-deploy", "dependency", "region"]
    assert len({repr(wanted(selected.scenario)) for selected in ready}) == 1
    assert sum(turn.expected for turn in turns(ready, 6)) < GATE_S
