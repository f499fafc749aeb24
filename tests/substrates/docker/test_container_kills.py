"""Waiting for a killed container's process, with child processes instead of containers."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.docker.container_kills import ContainerKills

CONTAINER = Path("/proc/self/cgroup").read_text(encoding="utf-8").strip().splitlines()[-1]
"""Stands for a container's id: the line of /proc that holds the id for a container, here this process's own."""


@pytest.fixture
def kills() -> Iterator[ContainerKills]:
    kills = ContainerKills()
    yield kills
    kills.close(10)


def test_returns_with_the_end_of_the_process(kills: ContainerKills) -> None:
    """A kill returns once the process has ended, while the engine is still busy; `finish` awaits the engine."""
    removed = threading.Event()
    with subprocess.Popen(["sleep", "300"]) as process:

        def discard() -> None:
            process.kill()
            assert removed.wait(10)

        try:
            kills.kill(discard, CONTAINER, process.pid)
            assert process.wait(0) != 0
        finally:
            process.kill()
    with pytest.raises(PortError, match="1 killed containers weren't removed"):
        kills.finish(0)
    removed.set()


@pytest.mark.parametrize("pid", [0, 2**22 + 1, os.getpid()], ids=["none", "beyond", "own"])
def test_awaits_the_removal_without_a_process(kills: ContainerKills, pid: int) -> None:
    """A kill awaits the removal itself if the process can't be seen, or is another container's."""
    removals: list[str] = []
    kills.kill(lambda: removals.append("removed"), "0123456789abcdef", pid)
    assert removals == ["removed"]
    kills.finish(10)


def test_a_kill_that_fails(kills: ContainerKills) -> None:
    """A kill that fails raises its error, and so does `finish`."""

    def discard() -> None:
        raise PortError("no engine")

    with pytest.raises(PortError, match="no engine"):
        kills.kill(discard, CONTAINER, os.getpid())
    with pytest.raises(PortError, match="no engine"):
        kills.finish(10)
