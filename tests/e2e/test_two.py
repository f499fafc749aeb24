"""Two runs on one machine at once: neither affects the other, and each ends as it would alone.

Each has one region and half the load, so that two systems are no larger than one is otherwise.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from gameday.recording.samples import read_samples
from tests.support.running_gameday import ended, reached, under_way
from tests.support.whole_runs import GAMEDAY, Run

pytestmark = [pytest.mark.full, pytest.mark.timeout(400)]
SMALL = ("--substrate", "process", "--set", "system.regions=[us-east]", "--set", "steadyState.for=6s")
NEVER_WELL = ("door-closed", *SMALL, "--set", "load.rate=20/s", "--set", "giveUp=8s", "--responder", "none")
WELL = ("good-release", *SMALL, "--set", "load.rate=40/s")


def members(run_id: str) -> list[psutil.Process]:
    """Return the processes that were started for a run, without those whose environment can't be read."""
    results = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GAMEDAY_RUN") == run_id:
                results.append(process)
        except psutil.Error:
            continue
    return results


def below(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants: the load isn't part of the system, and is known by
    its runner alone."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def seen(processes: list[psutil.Process], look: Callable[[psutil.Process], Iterator[Any]]) -> set[Any]:
    """Return what `look` sees of all processes; a process that has ended meanwhile has nothing."""
    names = set()
    for process in processes:
        try:
            names |= set(look(process))
        except psutil.Error:
            continue
    return names


def ports(process: psutil.Process) -> Iterator[tuple[str, int]]:
    """Return the (address, port) pairs at which the process listens."""
    return (
        (entry.laddr.ip, entry.laddr.port)
        for entry in process.net_connections("tcp")
        if entry.status == psutil.CONN_LISTEN
    )


def shards(process: psutil.Process) -> Iterator[str]:
    """Return the files of samples that the process has mapped."""
    return (entry.path for entry in process.memory_maps() if entry.path.endswith(".shard"))


def requests(run: Run) -> int:
    return len(read_samples(run.folder / "samples").records)


def test_two_runs_at_once_are_two_runs(room: Path) -> None:
    """One never recovers and the other has no outage; they share no process, port or file of samples."""
    outs = room / "one", room / "two"
    with under_way(outs[0], *NEVER_WELL) as first, under_way(outs[1], *WELL) as second:
        ids = reached(first, outs[0], "steady"), reached(second, outs[1], "steady")
        there = [members(run_id) for run_id in ids]
        pids = [seen(own, lambda process: iter([process.pid])) for own in there]
        listening = [seen(own, ports) for own in there]
        mapped = [seen(below(runner.pid), shards) for runner in (first, second)]
        assert first.poll() is None
        assert second.poll() is None
        runs = ended(first, outs[0]), ended(second, outs[1])
    assert min(map(len, pids)) > 10
    assert min(map(len, listening)) > 10
    assert not pids[0] & pids[1]
    assert not listening[0] & listening[1]
    for own, run in zip(mapped, runs, strict=True):
        assert own
        assert {Path(path).parent for path in own} == {run.folder / "samples"}
    assert [run.status for run in runs] == [1, 0], [run.outcome["reasons"] for run in runs]
    assert runs[0].outcome["ttr_state"] == "censored"
    assert runs[1].outcome["impact"]["failed"] == 0
    for run, rate in zip(runs, (20, 40), strict=True):
        load = run.outcome["load"]
        assert load["achieved"] == pytest.approx(load["planned"], rel=0.02)
        sent = requests(run)
        assert 0.7 * rate < sent / load_lasted(run) < 1.3 * rate
    assert runs[0].outcome["audit"]["lost"] == runs[1].outcome["audit"]["lost"] == 0


def load_lasted(run: Run) -> float:
    """Return the seconds between the first and the last planned request."""
    planned = read_samples(run.folder / "samples").records["planned"]
    return float(planned.max() - planned.min())


def test_the_end_of_one_run_does_not_affect_the_other(room: Path) -> None:
    """`gameday abort` needs the name of the run; only the named one is torn down."""
    outs = room / "one", room / "two"
    with under_way(outs[0], *NEVER_WELL) as first, under_way(outs[1], *WELL) as second:
        run_id = reached(first, outs[0], "fault")
        reached(second, outs[1], "steady")
        unsaid = subprocess.run([*GAMEDAY, "abort"], capture_output=True, text=True, timeout=60, check=False)
        subprocess.run([*GAMEDAY, "abort", run_id], capture_output=True, text=True, timeout=60, check=True)
        aborted = ended(first, outs[0])
        assert second.poll() is None
        other = ended(second, outs[1])
    assert unsaid.returncode == 2
    assert "several runs are in progress" in unsaid.stderr
    assert (aborted.status, other.status) == (130, 0), other.outcome["reasons"]
    assert other.outcome["impact"]["failed"] == 0


def test_a_crowded_suite_runs_two_at_once(room: Path) -> None:
    """Each lane has a system of its own; every line has the name of its scenario, and nothing is left."""
    command = [*GAMEDAY, "suite", "good-release", "payments-hiccup", "--at-once", "2", "--crowded"]
    command += ["--substrate", "process", "--out", str(room / "runs"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    print(done.stderr)  # noqa: T201  (shown if the test fails)
    suite = json.loads(done.stdout)
    assert suite["at_once"] == 2
    runs = {entry["scenario"]: entry["runs"][0] for entry in suite["scenarios"]}
    began = [datetime.fromisoformat(run["started"]) for run in runs.values()]
    assert max(began) - min(began) < timedelta(seconds=min(run["duration_s"] for run in runs.values()))
    for name, run in runs.items():
        assert f"\n{name}  " in done.stderr
        assert members(run["run"]) == []
        assert run["exit_status"] in (0, 3), run["reasons"]  # a crowded machine may be late
    assert done.returncode == suite["exit_status"]
