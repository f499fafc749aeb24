"""What a suite plans: how long it takes, and the set that the gate of CI runs."""

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
    """Neither between trials nor between scenarios that want the same one."""
    ready = selected(("bad-deploy-pricing", "payments-down", "environment-deleted"), (), OPTIONS)
    alone = [expected_seconds(each.scenario) for each in ready]
    assert [turn.expected for turn in turns(ready, 1)] == [alone[0], pytest.approx(alone[1] - UP_S), alone[2]]
    assert sum(turn.expected for turn in turns(ready[:1], 4)) == pytest.approx(4 * alone[0] - 3 * UP_S)


def test_the_set_of_ci_has_a_scenario_of_each_family_on_one_system() -> None:
    """Three, so that a gate of six trials a side can find anything after Holm's correction, within ten minutes."""
    ready = selected((), ("ci",), OPTIONS)
    assert sorted(each.path.parent.name for each in ready) == ["bad-deploy", "dependency", "region"]
    assert len({repr(wanted(each.scenario)) for each in ready}) == 1
    assert sum(turn.expected for turn in turns(ready, 6)) < GATE_S
