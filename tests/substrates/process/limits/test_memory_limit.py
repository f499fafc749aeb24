"""The watch over memory."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from pathlib import Path

from gameday.ports import Instance, PortError
from gameday.substrates.process.limits.memory_limit import MemoryWatch
from gameday.substrates.process.process_tree import ProcessTree

WEB = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")


def test_the_words(tmp_path: Path) -> None:
    """Who has more than its bound is told once it is seen, with both figures; who has less isn't."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    tree = ProcessTree.spawn(
        command, {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log", uuid.uuid4().hex, WEB.id
    )
    results: list[tuple[Instance, str]] = []
    seen = threading.Event()

    def exceeded(instance: Instance, why: str) -> None:
        results.append((instance, why))
        seen.set()

    roomy = Instance("us-east.web.2", "us-east", "web", "web-1.0.0")
    watch = MemoryWatch(lambda: [(WEB, tree, 2**20), (roomy, tree, 2**40)], exceeded)
    try:
        assert seen.wait(10)
    finally:
        watch.end()
        tree.kill()
    assert {instance for instance, _ in results} == {WEB}
    assert results[0][1].startswith("out of memory: ")
    assert results[0][1].endswith(" MiB used, 1.0 MiB allowed")


def test_an_end_that_fails_is_not_the_watch_s(tmp_path: Path) -> None:
    """It looks on, at everybody."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    tree = ProcessTree.spawn(
        command, {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log", uuid.uuid4().hex, WEB.id
    )
    semaphore = threading.Semaphore(0)

    def exceeded(instance: Instance, why: str) -> None:
        semaphore.release()
        raise PortError("its name can't be removed")

    watch = MemoryWatch(lambda: [(WEB, tree, 2**20)], exceeded)
    try:
        assert all(semaphore.acquire(timeout=10) for _ in range(2))
    finally:
        watch.end()
        tree.kill()
