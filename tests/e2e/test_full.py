"""What some scenarios of the library show beyond their own expectations; scripts/full runs these."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

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
    """Every commit had been confirmed elsewhere: no acknowledged order is lost, and the recovery point is 0."""
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
        json.loads(each.read_text(encoding="utf-8"))["audit"] for each in room.glob("runs/**/outcome.json")
    ]
    assert len(audits) == 10, done.stdout[-3000:] + done.stderr[-3000:]
    assert all(audit["acknowledged"] > 50 for audit in audits)
    assert [(each["lost"], each["rpo_s"]) for each in audits] == [(0, 0.0)] * 10


def test_a_region_lost_during_a_bad_deploy_has_both_handled(play: Play) -> None:
    """In whichever order; the report tells what ended it."""
    run = play("region-lost-during-deploy", "--substrate", "process")
    assert run.status == 0, run.outcome["reasons"]
    assert {"promote", "rollback"} <= {operation["name"] for operation in run.outcome["operations"]}


def test_a_guardrail_pair_is_set_side_by_side(room: Path) -> None:
    """Browsing stays within its objective only with breaker and bulkhead."""
    command = [*GAMEDAY, "run", "payments-slow", "--substrate", "process", "--out", str(room)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    (page,) = room.glob("*/matrix.html")
    verdicts = {}
    for outcome in page.parent.glob("*/outcome.json"):
        found = json.loads(outcome.read_text(encoding="utf-8"))
        slos = {slo["name"]: slo["verdict"] for slo in found["slos"]}
        verdicts[found["run"]["scenario"]] = slos["browse-speed"]
    assert verdicts == {"payments-slow-with": "ok", "payments-slow-without": "breach"}


def test_a_wrong_rollback_is_executed_and_counted(play: Play) -> None:
    """The innocent change goes first, counts as wrong, and the time to recover shows it."""
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
    """Replacing running instances under load fails nobody."""
    path = altered("good-release", changed={"strategy: rolling": f"strategy: {strategy}"})
    run = play(path, "--substrate", "process")
    assert run.outcome["impact"]["failed"] == 0
    assert run.status == 0, run.outcome["reasons"]


def test_a_scripted_on_call_is_timed_as_people_are(room: Path) -> None:
    """A second process takes the page, rolls the wrong service back, then the right one; the wrong one is counted."""
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
        while not said("ack"):
            assert run.poll() is None
        asked = time.time()
        assert said("rollback", "gateway", "--as", "on-call")
        assert said("rollback", "pricing", "--as", "on-call")
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


def said(*words: str) -> bool:
    """A command of the on-call; whether it was done."""
    done = subprocess.run([*GAMEDAY, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0
