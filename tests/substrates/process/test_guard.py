"""The guard process: replaced if it was killed, named with its exit status if it ended by itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gameday.host.waiting import wait_until
from gameday.ports import PortError
from gameday.substrates.process.guard import Guard

RUN = "test-guard-of-no-process"


def guards() -> list[psutil.Process]:
    """Return the guard processes of the test's run."""
    return [process for process in psutil.Process().children() if RUN in process.cmdline()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "guard.log"


@pytest.fixture
def guard(log: Path) -> Iterator[Guard]:
    started = Guard(RUN, log)
    yield started
    started.dismiss()
    assert guards() == []


def test_a_killed_guard_is_replaced(guard: Guard) -> None:
    """A check starts another guard process if the first was killed; nothing happens while it runs."""
    (first,) = guards()
    guard.check()
    assert guards() == [first]
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    guard.check()
    (second,) = guards()
    assert second.pid != first.pid


def test_a_guard_that_ended_is_named(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that can't run is an error with its exit status and the end of its log."""
    monkeypatch.setattr("gameday.substrates.process.guard.MODULE", "gameday.no_such_module")
    guard = Guard(RUN, log)

    def failure() -> str:
        try:
            guard.check()
        except PortError as error:
            return str(error)
        return ""

    message = wait_until(failure, 30, "the guard did not end")
    assert message.startswith(f"the guard process of run {RUN} ended with exit status 1; its log ends with\n")
    assert "No module named gameday.no_such_module" in message
    guard.dismiss()
