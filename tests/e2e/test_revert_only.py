"""A killed runner whose system lives on: its faults on links are reverted from the journal, the system stays up."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
import requests

from gameday.recording.journal import read_journal
from tests.support.running_gameday import under_way
from tests.support.waiting import until
from tests.support.whole_runs import GAMEDAY, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: standing
title: Prices are out of reach until somebody reverts it
story: Faults without an end; the runner is killed while they are active.
system: {regions: [us-east]}
load: {rate: 10/s, journeys: {browse: 1}}
slos: [{name: browse, sli: availability, objective: 99%}]
steadyState: {for: 3s}
timeline:
  - {at: 0s, link.latency: {link: {from: gateway, to: catalog}, latency: 30ms}}
  - {at: 0s, link.down: {link: {from: catalog, to: pricing}}}
respond: {by: none}
hold: 5s
giveUp: 60s
expect: ["!recovered"]
"""
PATIENCE_S = 90.0


def kinds(run: Path, kind: str) -> list[str]:
    return [event.subject for event in read_journal(run / "journal.jsonl") if event.kind == kind]


def kill_runner(process: subprocess.Popen[str], run: str) -> None:
    """SIGKILL the runner together with everything that would take its system down: the reaper and the guard."""
    process.send_signal(signal.SIGSTOP)
    watchers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if {"gameday.reaper", "gameday.substrates.process.guard"} & set(child.cmdline())
    ]
    assert len(watchers) == 2
    for watcher in watchers:
        watcher.kill()
    process.kill()
    process.wait(10)
    psutil.wait_procs(watchers, timeout=10)


def status(address: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{address}/products/1", timeout=10).status_code


def heal(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GAMEDAY, "heal", *options], check=False, capture_output=True, text=True, timeout=90
    )


def edge_address(run: Path) -> str:
    """Return where the load sent its requests."""
    plan = json.loads((run / "samples" / "load.json").read_text(encoding="utf-8"))
    return str(plan["target"])


def test_requests_flow_again_and_the_system_stays_up(room: Path) -> None:
    """Both faults are reverted on disk and on the links; a second time there is nothing to do; then all is removed."""
    (room / "standing.yaml").write_text(SCENARIO, encoding="utf-8")
    out = room / "runs"
    with under_way(out, str(room / "standing.yaml"), "--substrate", "process") as process:
        until(
            lambda: any(
                len(kinds(journal.parent, "fault.injected")) == 2 for journal in out.glob("*/journal.jsonl")
            ),
            "both faults are injected",
            PATIENCE_S,
        )
        (run,) = out.glob("*-*")
        kill_runner(process, run.name)
    address, running = edge_address(run), set(processes_of(run.name))
    try:
        assert status(address) >= 500
        first = heal("--revert-only", str(run))
        assert (first.returncode, first.stderr) == (0, "")
        assert (
            "reverted: f2 (link.down on catalog--pricing), f1 (link.latency on gateway--catalog)"
            in first.stdout
        )
        until(lambda: status(address) == 200, "requests flow again", 20)
        assert kinds(run, "fault.reverted") == ["f2", "f1"]
        assert heal("--revert-only").stdout == f"{run.name}: reverted: nothing\n"
        assert set(processes_of(run.name)) == running
    finally:
        removed = heal(str(run))
    assert removed.returncode == 0, removed.stderr
    assert processes_of(run.name) == []
    assert kinds(run, "fault.reverted") == ["f2", "f1"]
