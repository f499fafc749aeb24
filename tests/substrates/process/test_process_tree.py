"""Process trees, and the strays of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gameday.substrates.process.process_tree import ProcessTree, outlasting, send, strays, sweep
from tests.support.waiting import until

# A child that leaves the session and an orphan whose parent is gone, as a database has them.
FAMILY = """
import os, signal, subprocess, sys
script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(300)"
start = lambda: subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
if os.fork() == 0:
    start().stdout.readline()
    os._exit(0)
os.wait()
start().stdout.readline()
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def run_id() -> Iterator[str]:
    sentence = f"test-{uuid.uuid4().hex[:8]}"
    yield sentence
    assert sweep(sentence, 0) == []


def family(run_id: str, folder: Path) -> ProcessTree:
    """Three processes, each in its own session; all have started."""
    log = folder / "log"
    path = {"PATH": os.environ["PATH"]}
    tree = ProcessTree.spawn([sys.executable, "-c", FAMILY], path, folder, log, run_id, "us-east.store.1")
    until(lambda: "ready" in log.read_text() or tree.ended(), "the family is ready")
    assert not tree.ended()
    return tree


def test_kill_ends_every_process(run_id: str, tmp_path: Path) -> None:
    """A kill ends the child, processes that left its session, and orphans."""
    tree = family(run_id, tmp_path)
    assert len(strays(run_id)) == 3
    assert tree.kill()
    assert strays(run_id) == []
    assert tree.ended()
    assert not psutil.pid_exists(tree.pid)


def test_kill_twice(run_id: str, tmp_path: Path) -> None:
    """A second kill is a no-op: no process is left to signal."""
    tree = family(run_id, tmp_path)
    assert tree.kill()
    assert tree.kill()
    tree.signal(signal.SIGTERM)


def test_freeze_and_thaw(run_id: str, tmp_path: Path) -> None:
    """Freezing stops every process of the tree, thawing continues them."""
    tree = family(run_id, tmp_path)
    tree.freeze()

    def statuses() -> set[str]:
        return {process.status() for process in strays(run_id)}

    until(lambda: statuses() == {psutil.STATUS_STOPPED}, "all three are stopped")
    tree.thaw()
    until(lambda: psutil.STATUS_STOPPED not in statuses(), "all three go on")
    tree.kill()


def test_ask_reaches_the_child_alone(run_id: str, tmp_path: Path) -> None:
    """A stop signal goes to the child, as a container engine sends it to its first process only."""
    tree = family(run_id, tmp_path)
    tree.signal(signal.SIGTERM)
    assert tree.ended(10)
    assert len(strays(run_id)) == 2
    assert tree.kill()


def test_other_runs_are_left_alone(run_id: str, tmp_path: Path) -> None:
    """A sweep ends the processes of its run and of no other, even if they ignore SIGTERM."""
    other = run_id + "-other"
    trees = family(run_id, tmp_path), family(other, tmp_path)
    assert sweep(run_id, 0.2) == []
    assert strays(run_id) == []
    assert len(strays(other)) == 3
    for tree in trees:
        assert tree.kill()


def test_a_reused_pid_is_not_signalled(run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with the same pid and another start time isn't signalled."""
    tree = family(run_id, tmp_path)
    stale = psutil.Process(tree.pid)
    monkeypatch.setattr(stale, "_ident", (tree.pid, stale.create_time() - 100))
    send([stale], signal.SIGKILL)
    assert not tree.ended(0.1)
    tree.kill()


def test_outlasting() -> None:
    """Only processes that still run are returned; a zombie has ended."""
    with subprocess.Popen(["sleep", "300"]) as running, subprocess.Popen(["true"]) as zombie:
        processes = [psutil.Process(child.pid) for child in (running, zombie)]
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert [process.pid for process in outlasting(processes, 0.2)] == [running.pid]
        running.kill()
        assert outlasting(processes, 10) == []


def test_two_holds(run_id: str, tmp_path: Path) -> None:
    """A process frozen twice continues only after both holds are released."""
    tree = family(run_id, tmp_path)
    tree.freeze("throttle")
    tree.freeze()
    tree.thaw("throttle")

    def statuses() -> set[str]:
        return {process.status() for process in strays(run_id)}

    until(lambda: statuses() == {psutil.STATUS_STOPPED}, "all three are stopped")
    tree.thaw()
    until(lambda: psutil.STATUS_STOPPED not in statuses(), "all three go on")
    tree.kill()


@pytest.mark.parametrize(
    ("script", "how"),
    [("raise SystemExit(3)", "exit status 3"), ("import os; os.abort()", "killed by SIGABRT")],
)
def test_how_it_ended(run_id: str, tmp_path: Path, script: str, how: str) -> None:
    """An ended child's exit status or signal is known until it is reaped; a running child has none."""
    path, log = {"PATH": os.environ["PATH"]}, tmp_path / "log"
    sleeping = ProcessTree.spawn(["sleep", "300"], path, tmp_path, log, run_id, "x.1")
    assert sleeping.how_it_ended() == ""
    sleeping.kill()
    tree = ProcessTree.spawn([sys.executable, "-c", script], path, tmp_path, log, run_id, "x.1")
    assert tree.ended(30)
    assert tree.how_it_ended() == how
    tree.kill()
    assert tree.how_it_ended() == ""
