"""A table of this machine's processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from gameday.substrates.process.process_table import INSTANCE, RUN, ProcessTable, marks, resident, usage

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run_id() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def parent(run_id: str) -> Iterator[tuple[int, int]]:
    """Return the pids of a marked process and its child."""
    environment = {**os.environ, RUN: run_id, INSTANCE: "us-east.web.1"}
    argv = [sys.executable, "-c", PARENT]
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


def test_marked(run_id: str, parent: tuple[int, int]) -> None:
    """Processes are found by run, and by run and instance; the child inherits both."""
    table = ProcessTable()
    assert set(table.marked(run_id)) == set(parent)
    assert set(table.marked(run_id, "us-east.web.1")) == set(parent)
    assert table.marked(run_id, "us-east.web.2") == []
    assert marks(parent[0]) == (run_id, "us-east.web.1")


def test_with_children(parent: tuple[int, int]) -> None:
    """Descendants come after their parent, each once."""
    assert ProcessTable().with_children([parent[0], parent[0]]) == list(parent)
    descendants = ProcessTable().with_children([os.getpid()])
    assert descendants[0] == os.getpid()
    assert set(parent) < set(descendants)


def test_usage() -> None:
    """A process has a parent and processor time; `usage` is None if there is no such process."""
    own = usage(os.getpid())
    assert own
    assert own.parent == os.getppid()
    assert own.cpu > 0
    assert usage(2**22 + 1) is None


def test_resident() -> None:
    """Memory shared by two processes counts once, private memory per process; an ended process has
    none."""
    own = resident([os.getpid()])
    assert own > 4 << 20
    assert own < resident([os.getpid(), os.getpid()]) < 2 * own
    assert resident([2**22 + 1]) == 0
