"""The rest of the library as whole runs; scripts/full makes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Run

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
Play = Callable[..., Run]


@pytest.mark.parametrize("name", ["wrong-prices", "slow-checkout", "login-broken", "history-missing"])
def test_every_bad_deploy_of_the_library_passes(play: Play, name: str) -> None:
    """Seen, rolled back, recovered within what the scenario expects."""
    run = play(name, "--substrate", "process")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["ended_by"] == "responder"


def test_a_wrong_rollback_is_executed_and_counted(play: Play) -> None:
    """The innocent change goes first, counts as wrong, and the time to recover shows it."""
    run = play("wrong-rollback", "--substrate", "process")
    assert run.status == 0, run.outcome["reasons"]
    assert [(o["target"], o["right"]) for o in run.outcome["operations"]] == [("gateway", False), ("pricing", True)]
    first = run.outcome["operations"][0]
    assert run.outcome["clocks"]["act"] > first["done"]


@pytest.mark.parametrize("strategy", ["all-at-once", "rolling", "region-by-region"])
def test_a_good_release_loses_no_request_under_any_strategy(
    play: Play, altered: Callable[..., str], strategy: str
) -> None:
    """Replacing running instances under load fails nobody."""
    path = altered("good-release", changed={"strategy: rolling": f"strategy: {strategy}"})
    run = play(path, "--substrate", "process")
    assert run.outcome["impact"]["failed"] == 0
    assert run.status == 0, run.outcome["reasons"]
