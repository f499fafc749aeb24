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
    """The pids of a marked process and its child."""
    environment = {**os.environ, RUN: run_id, INSTANCE: "us-east.web.1"}
    words = [sys.executable, "-c", PARENT]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
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
    found = ProcessTable().with_children([os.getpid()])
    assert found[0] == os.getpid()
    assert set(parent) < set(found)


def test_usage() -> None:
    """A process's parent and processor time; None where there is no such process."""
    found = usage(os.getpid())
    assert found
    assert found.parent == os.getppid()
    assert found.cpu > 0
    assert usage(2**22 + 1) is None


def test_resident() -> None:
    """What two processes share counts once, what each has for itself twice; who is gone has nothing."""
    own = resident([os.getpid()])
    assert own > 4 << 20
    assert own < resident([os.getpid(), os.getpid()]) < 2 * own
    assert resident([2**22 + 1]) == 0
