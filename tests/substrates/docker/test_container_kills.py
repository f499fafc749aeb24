"""Waiting for a killed container's process, with child processes in the place of containers."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.docker.container_kills import Burials

CONTAINER = Path("/proc/self/cgroup").read_text(encoding="utf-8").strip().splitlines()[-1]
"""What stands in the place of an id: the line of /proc that has it for a container, here our own and our children's."""


@pytest.fixture
def burials() -> Iterator[Burials]:
    made = Burials()
    yield made
    made.close(10)


def test_the_process_is_enough(burials: Burials) -> None:
    """The wait ends with the process, while the engine is still busy; `finish` awaits that too."""
    removed = threading.Event()
    with subprocess.Popen(["sleep", "300"]) as process:

        def discard() -> None:
            process.kill()
            assert removed.wait(10)

        try:
            burials.bury(discard, CONTAINER, process.pid)
            assert process.wait(0) != 0
        finally:
            process.kill()
    with pytest.raises(PortError, match="1 killed containers weren't removed"):
        burials.finish(0)
    removed.set()


@pytest.mark.parametrize("pid", [0, 2**22 + 1, os.getpid()], ids=["none", "beyond", "own"])
def test_the_engines_word(burials: Burials, pid: int) -> None:
    """Where the process can't be seen, or is somebody else's, the removal itself is awaited."""
    done: list[str] = []
    burials.bury(lambda: done.append("removed"), "0123456789abcdef", pid)
    assert done == ["removed"]
    burials.finish(10)


def test_a_kill_that_fails(burials: Burials) -> None:
    """Whoever kills is told that it couldn't be done; so is who waits for the rest."""

    def discard() -> None:
        raise PortError("no engine")

    with pytest.raises(PortError, match="no engine"):
        burials.bury(discard, CONTAINER, os.getpid())
    with pytest.raises(PortError, match="no engine"):
        burials.finish(10)
