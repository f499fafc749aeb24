"""Throttled processor time of a process tree."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gameday.substrates.process.limits.cpu_throttle import CpuThrottle
from gameday.substrates.process.process_table import ProcessTable, usage
from gameday.substrates.process.process_tree import ProcessTree
from tests.support.waiting import until

# Two processes that compute without end, each in a session of its own.
BUSY = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
while True: pass
"""
IDLE = "import signal; print(1, flush=True); signal.pause()"


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[[str], ProcessTree]]:
    results: list[ProcessTree] = []

    def start(script: str) -> ProcessTree:
        argv = [sys.executable, "-c", script]
        path = {"PATH": os.environ["PATH"]}
        results.append(
            ProcessTree.spawn(argv, path, tmp_path, tmp_path / "log", uuid.uuid4().hex, "us-east.web.1")
        )
        return results[-1]

    yield start
    for tree in results:
        tree.kill()


def stopped(tree: ProcessTree) -> bool:
    return {process.status() for process in tree.family()} == {psutil.STATUS_STOPPED}


def used(tree: ProcessTree) -> float:
    """Return the processor time in seconds of all the tree's processes."""
    return sum(found.cpu for pid in tree.members(ProcessTable()) if (found := usage(pid)))


def test_all_processes_share(spawn: Callable[[str], ProcessTree]) -> None:
    """The limit applies to all processes of a tree together, and holds on average."""
    tree = spawn(BUSY)
    until(lambda: len(tree.family()) >= 2 and used(tree) >= 0.2, "both processes compute")
    throttle = CpuThrottle(tree, 0.2)
    before, begun = used(tree), time.monotonic()
    until(lambda: used(tree) >= before + 0.6, "0.6 s of processor time within the bound")
    assert (used(tree) - before) / (time.monotonic() - begun) < 0.5
    throttle.end()
    unbound = used(tree)
    until(lambda: used(tree) >= unbound + 0.2, "0.2 s of processor time without the bound")
    assert not stopped(tree)


def test_more_than_one_core(spawn: Callable[[str], ProcessTree]) -> None:
    """A limit of two cores never stops two busy processes."""
    tree = spawn(BUSY)
    until(lambda: len(tree.family()) >= 2, "both processes run")
    throttle, before = CpuThrottle(tree, 2.0), used(tree)
    statuses = list[bool]()

    def computed() -> bool:
        statuses.append(stopped(tree))
        return used(tree) >= before + 0.4

    until(computed, "0.4 s of processor time")
    throttle.end()
    assert statuses
    assert not any(statuses)


def test_an_idle_tree_is_left_alone(spawn: Callable[[str], ProcessTree], tmp_path: Path) -> None:
    """An idle tree is never stopped, however low its limit."""
    tree = spawn(IDLE)
    until((tmp_path / "log").read_text, "the process has begun")
    until(lambda: psutil.Process(tree.pid).status() == psutil.STATUS_SLEEPING, "the process sleeps")
    throttle, begun = CpuThrottle(tree, 0.001), time.monotonic()
    while time.monotonic() < begun + 0.3:
        assert not stopped(tree)
    throttle.end()


def test_a_pause_is_a_pause(spawn: Callable[[str], ProcessTree]) -> None:
    """Neither the throttle nor its end resumes a process that was stopped by other means."""
    tree = spawn(BUSY)
    until(lambda: len(tree.family()) >= 2 and used(tree) >= 0.2, "both processes compute")
    throttle = CpuThrottle(tree, 0.5)
    tree.freeze()
    until(lambda: stopped(tree), "both processes are stopped")
    begun = time.monotonic()
    while time.monotonic() < begun + 0.3:
        assert stopped(tree)
    throttle.end()
    assert stopped(tree)
    tree.thaw()
    assert not stopped(tree)
