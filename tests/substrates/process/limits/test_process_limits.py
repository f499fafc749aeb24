"""Limits on instances of the process substrate."""

from __future__ import annotations

import os
import resource
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.ports import Instance, PortError
from gameday.substrates.process.limits import file_size_limit
from gameday.substrates.process.limits.process_limits import ProcessLimits
from gameday.substrates.process.process_tree import ProcessTree

WEB = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[ProcessTree]:
    words = [sys.executable, "-c", "import signal; signal.pause()"]
    made = ProcessTree.spawn(
        words, {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log", uuid.uuid4().hex, WEB.id
    )
    yield made
    made.kill()


def test_memory(tree: ProcessTree) -> None:
    """An active limit overrides the declared one; the latest of two applies."""
    limits = ProcessLimits()
    assert (limits.memory(WEB, None), limits.memory(WEB, 7)) == (None, 7)
    limits.limit(WEB, tree, None, 5)
    limits.limit(WEB, tree, None, 9)
    assert (limits.memory(WEB, None), limits.memory(WEB, 7)) == (9, 9)
    limits.lift(WEB, tree)
    assert limits.memory(WEB, 7) == 7


def test_files(tree: ProcessTree, tmp_path: Path) -> None:
    """The log keeps some room; lifting undoes a cap, and is a no-op the second time or if the
    instance has ended."""
    (tmp_path / "log").write_bytes(b"x" * 1000)
    (tmp_path / "data").mkdir()
    before = resource.prlimit(tree.pid, resource.RLIMIT_FSIZE)
    limits = ProcessLimits()
    limits.cap(WEB, tree, [tmp_path / "data"], tmp_path / "log")
    assert resource.prlimit(tree.pid, resource.RLIMIT_FSIZE)[0] == 1000 + file_size_limit.ROOM
    (tmp_path / "data" / "large").write_bytes(b"x" * 50_000)
    limits.cap(WEB, tree, [tmp_path / "data"], tmp_path / "log")
    assert resource.prlimit(tree.pid, resource.RLIMIT_FSIZE)[0] == 50_000
    for _ in range(2):
        limits.lift(WEB, tree)
        assert resource.prlimit(tree.pid, resource.RLIMIT_FSIZE) == before
    limits.cap(WEB, tree, [], tmp_path / "none")
    tree.kill()
    limits.lift(WEB, tree)
    limits.lift(WEB, None)


def test_a_limit_that_fails(tree: ProcessTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed limit is an error that names the instance and says what to do."""
    monkeypatch.setattr(file_size_limit, "__file__", str(tmp_path / "none.py"))
    with pytest.raises(
        PortError, match=r"us-east\.web\.1: its files can't be limited: .*none\.py.*; run as root"
    ):
        ProcessLimits().cap(WEB, tree, [], tmp_path / "log")
