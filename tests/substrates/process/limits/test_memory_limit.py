"""Memory watch."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from pathlib import Path

from gameday.ports import Instance, PortError
from gameday.substrates.process.limits.memory_limit import MemoryWatch
from gameday.substrates.process.process_tree import ProcessTree
from tests.support.nonempty_all import nonempty_all

WEB = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")


def test_the_report_has_both_figures(tmp_path: Path) -> None:
    """An instance over its limit is reported with both figures, one below it isn't."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    tree = ProcessTree.spawn(
        command, {"PATH": os.environ["PATH"]}, tmp_path, tmp_path / "log", uuid.uuid4().hex, WEB.id
    )
    results: list[tuple[Instance, str]] = []
    reported = threading.Event()

    def exceeded(instance: Instance, why: str) -> None:
        results.append((instance, why))
        reported.set()

    roomy = Instance("us-east.web.2", "us-east", "web", "web-1.0.0")
    watch = MemoryWatch(lambda: [(WEB, tree, 2**20), (roomy, tree, 2**40)], exceeded)
    try:
        assert reported.wait(10)
    finally:
        watch.end()
        tree.kill()
    assert {instance for instance, _ in results} == {WEB}
    assert results[0][1].startswith("out of memory: ")
    assert results[0][1].endswith(" MiB used, 1.0 MiB allowed")


def test_the_watch_survives_a_failing_end(tmp_path: Path) -> None:
    """If ending an instance fails, the watch goes on with every instance."""
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
        assert nonempty_all(semaphore.acquire(timeout=10) for _ in range(2))
    finally:
        watch.end()
        tree.kill()
