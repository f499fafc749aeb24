"""Properties of the library's scenarios beyond their expectations, for scripts/full."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.nonempty_all import nonempty_all
from tests.support.whole_runs import GAMEDAY, Run

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
Play = Callable[..., Run]


def test_a_lost_region_is_failed_over_and_nothing_is_rolled_back(play: Play) -> None:
    """With no change in the feed a rollback would be a guess."""
    run = play("primary-lost-sync", "--substrate", "process")
    assert run.status == 0, run.outcome["reasons"]
    names = {operation["name"] for operation in run.outcome["operations"]}
    assert "promote" in names
    assert "rollback" not in names
    assert run.outcome["audit"]["lost"] == 0


@pytest.mark.timeout(1800)
def test_ten_losses_of_a_synchronous_primary_lose_no_order(room: Path) -> None:
    """Every commit was confirmed by a standby: no acknowledged order is lost, and the recovery
    point is 0."""
    command = [
        *GAMEDAY,
        "run",
        "primary-lost-sync",
        "--substrate",
        "process",
        "--repeat",
        "10",
        "--out",
        str(room / "runs"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1700, check=False)
    audits = [
        json.loads(audit.read_text(encoding="utf-8"))["audit"] for audit in room.glob("runs/**/outcome.json")
    ]
    assert len(audits) == 10, done.stdout[-3000:] + done.stderr[-3000:]
    assert nonempty_all(audit["acknowledged"] > 50 for audit in audits)
    assert [(audit["lost"], audit["rpo_s"]) for audit in audits] == [(0, 0.0)] * 10


def test_a_region_lost_during_a_bad_deploy_has_both_handled(play: Play) -> None:
    """The order doesn't matter; the report says which action ended the outage."""
    run = play("region-lost-during-deploy", "--substrate", "process")
    assert run.status == 0, run.outcome["reasons"]
    assert {"promote", "rollback"} <= {operation["name"] for operation in run.outcome["operations"]}


def test_a_guardrail_pair_is_set_side_by_side(room: Path) -> None:
    """Browsing meets its objective only with breaker and bulkhead."""
    command = [*GAMEDAY, "run", "payments-slow", "--substrate", "process", "--out", str(room)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (page,) = room.glob("*/matrix.html")
    verdicts = {}
    for outcome in page.parent.glob("*/outcome.json"):
        document = json.loads(outcome.read_text(encoding="utf-8"))
        slos = {slo["name"]: slo["verdict"] for slo in document["slos"]}
        verdicts[document["run"]["scenario"]] = slos["browse-speed"]
    assert verdicts == {"payments-slow-with": "ok", "payments-slow-without": "breach"}


def test_a_wrong_rollback_is_executed_and_counted(play: Play) -> None:
    """The innocent change is rolled back first, counts as wrong, and adds to the time to recover."""
    run = play("wrong-rollback", "--substrate", "process")
    assert run.status == 0, run.outcome["reasons"]
    assert [(o["target"], o["right"]) for o in run.outcome["operations"]] == [
        ("gateway", False),
        ("pricing", True),
    ]
    first = run.outcome["operations"][0]
    assert run.outcome["clocks"]["act"] > first["done"]


@pytest.mark.parametrize("strategy", ["all-at-once", "rolling", "region-by-region"])
def test_a_good_release_loses_no_request_under_any_strategy(
    play: Play, altered: Callable[..., str], strategy: str
) -> None:
    """Replacing running instances under load fails no request."""
    path = altered("good-release", changed={"strategy: rolling": f"strategy: {strategy}"})
    run = play(path, "--substrate", "process")
    assert run.outcome["impact"]["failed"] == 0
    assert run.status == 0, run.outcome["reasons"]


def test_a_scripted_on_call_is_timed_as_people_are(room: Path) -> None:
    """A second process acknowledges and rolls back a wrong service, then the right one; the wrong
    one is counted."""
    command = [
        *GAMEDAY,
        "run",
        "wrong-rollback",
        "--substrate",
        "process",
        "--responder",
        "human",
        "--out",
        str(room / "runs"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while not succeeds("ack"):
            assert run.poll() is None
        asked = time.time()
        assert succeeds("rollback", "gateway", "--as", "on-call")
        assert succeeds("rollback", "pricing", "--as", "on-call")
        assert run.wait(200) == 0
    outcome = json.loads(next((room / "runs").glob("*/outcome.json")).read_text(encoding="utf-8"))
    assert [(o["target"], o["by"], o["right"]) for o in outcome["operations"]] == [
        ("gateway", "on-call", False),
        ("pricing", "on-call", True),
    ]
    begun = datetime.fromisoformat(outcome["run"]["started"]).timestamp()
    assert outcome["operations"][0]["t"] + begun - asked < 2
    assert outcome["clocks"]["ack"] <= outcome["operations"][0]["t"] < outcome["clocks"]["act"]
    assert outcome["responder"]["kind"] == "human"


def succeeds(*words: str) -> bool:
    """Run a command of the on-call; return True if it succeeded."""
    done = subprocess.run([*GAMEDAY, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0
