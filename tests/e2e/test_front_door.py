"""A whole run in which the edge is deployed, killed, restarted and out of memory, while its users' address stays."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gameday.recording.journal import read_journal
from gameday.recording.samples import Records, read_samples
from tests.support.docker_engine import require_docker
from tests.support.running_gameday import ended, under_way
from tests.support.whole_runs import GAMEDAY, Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]
PORT = 18_473
DRAINED = "eu-west"
BACK_S = 2.0
"""How long after the edge is ready requests may still fail."""
LOOK_S = 1.5
"""The stretch after that in which none may."""
BEGIN_S = 300.0
SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: edge-replaced
title: The edge is replaced in every way
story: Every user comes in by the edge. It is deployed, killed, restarted, runs out of memory, and loses its links.
system: {regions: [us-east, eu-west]SYSTEM_PORT}
load: {rate: 60/s}
slos:
  - {name: browse, journey: browse, sli: availability, objective: 99.5%}
steadyState: {for: 4s}
timeline:
  - {at: 0s, deploy: {release: edge-1.1.0, strategy: rolling}}
  - {at: 10s, instance.kill: {service: edge, for: 2s}}
  - {at: 22s, instance.restart-loop: {service: edge, times: 2, every: 8s, for: 16s}}
  - {at: 44s, instance.memory: {service: edge, memory: 16MiB, for: 6s}}
  - {at: 56s, instance.kill: {service: edge-links, for: 2s}}
  - {at: 64s, instance.pause: {service: costs, for: 1s}}  # no user asks for costs: a mark for the test to go on
respond: {by: external}
hold: 20s
giveUp: 60s
expect: [effect]
"""


RELEASED = """
apiVersion: gameday/v1
kind: Scenario
name: edge-released
title: The edge is released again and again
story: Two good releases of the edge take turns, and no user notices.
system: {regions: [us-east, eu-west]}
load: {rate: 150/s}
slos:
  - {name: browse, journey: browse, sli: availability, objective: 99.5%}
steadyState: {for: 4s}
timeline:
CHANGES
respond: {by: none}
expect: [impact.failed == 0]
"""


@pytest.mark.full
@pytest.mark.parametrize("port", [None, PORT])
def test_requests_come_back_whenever_the_edge_does_on_processes(room: Path, port: int | None) -> None:
    """At a free port, and at one that the scenario names."""
    check_edge_replaced(room, "process", port)


@pytest.mark.docker
@pytest.mark.full
def test_requests_come_back_whenever_the_edge_does_on_docker(room: Path) -> None:
    """At a port that the scenario names."""
    require_docker()
    check_edge_replaced(room, "docker", PORT)


@pytest.mark.full
def test_twenty_releases_of_the_edge_lose_no_request(play: Callable[..., Run], room: Path) -> None:
    """One every 3 s at 150 requests/s, with connections kept open through all of them."""
    changes = "".join(
        f"  - {{at: {3 * turn}s, deploy: {{release: edge-1.{1 - turn % 2}.0, strategy: rolling}}}}\n"
        for turn in range(20)
    )
    path = room / "edge-released.yaml"
    path.write_text(RELEASED.replace("CHANGES", changes), encoding="utf-8")
    run = play(str(path), "--substrate", "process")
    assert (run.status, run.outcome["reasons"]) == (0, [])
    assert len(run.events("change.done")) == 20
    assert run.outcome["impact"]["requests"] > 8000
    assert run.outcome["impact"]["failed"] == 0


def check_edge_replaced(room: Path, substrate: str, port: int | None) -> None:
    """Check that users lose nothing by a good release, and are served 2 s after each return of the edge."""
    path = room / "edge-replaced.yaml"
    text = SCENARIO.replace("SYSTEM_PORT", f", port: {port}" if port else "")
    path.write_text(text, encoding="utf-8")
    out = room / "runs"
    with under_way(out, str(path), "--substrate", substrate) as process:
        await_event(process, out, "fault.reverted", 5)
        for operation in (["failover", DRAINED], ["restart", "edge"]):
            subprocess.run([*GAMEDAY, *operation], capture_output=True, timeout=60, check=True)
        run = ended(process, out)
    samples = read_samples(run.folder / "samples")
    records = samples.records
    started, done = run.events("change.started")[0].t, run.events("change.done")[0].t
    assert failed_between(records, started - 1, done + 5) == 0, "a good release lost requests"
    ready = returns_of_edge(run, done)
    assert len(ready) == 6, ready  # killed, twice in the loop, out of memory, its links killed, restarted
    limited = memory_limit(run)
    for moment in ready:
        # In a container, the edge that replaces the one out of memory has the same limit, until the fault is reverted.
        begin = (limited[1] if limited[0] <= moment < limited[1] else moment) + BACK_S
        assert sent_between(records, begin, begin + LOOK_S) >= 20
        assert failed_between(records, begin, begin + LOOK_S) == 0, f"the edge was ready at {moment:.2f} s"
    drained = records[records["region"] == samples.regions.index(DRAINED)]
    assert sent_between(drained, started, ready[0]) > 20
    assert sent_between(drained, ready[-1], math.inf) == 0, "the drain is lost"
    assert [operation["done"] is not None for operation in run.outcome["operations"]] == [True, True]
    assert any("out of memory" in str(event.data["why"]) for event in run.events("instance.died"))


def await_event(process: subprocess.Popen[str], out: Path, kind: str, count: int) -> None:
    """Wait until the run's journal has `count` events of the kind."""
    until = time.monotonic() + BEGIN_S
    while time.monotonic() < until:
        for journal in out.glob("*/journal.jsonl"):
            if sum(event.kind == kind for event in read_journal(journal)) >= count:
                return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the run ended before {kind}: {process.communicate()[0]}")
    pytest.fail(f"no {count} events {kind} in {BEGIN_S:g} s")


def returns_of_edge(run: Run, since: float) -> list[float]:
    """Return when the edge or its link server was ready again, after the time `since`."""
    events = run.events("instance.ready")
    return [e.t for e in events if e.data["service"] in ("edge", "edge-links") and e.t > since]


def memory_limit(run: Run) -> tuple[float, float]:
    """Return when the limit of the edge's memory was set and when it was lifted."""
    (fault,) = [fault for fault in run.outcome["faults"] if fault["kind"] == "instance.memory"]
    return fault["inject"], fault["reverted"]


def sent_between(records: Records, begin: float, end: float) -> int:
    """Return how many requests were planned in the stretch."""
    return int(np.count_nonzero((records["planned"] >= begin) & (records["planned"] < end)))


def failed_between(records: Records, begin: float, end: float) -> int:
    """Return how many requests planned in the stretch got no good answer."""
    return sent_between(records[records["error"] != 0], begin, end)
