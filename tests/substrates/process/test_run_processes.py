"""Processes of a run: how they are selected and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gameday.substrates.process.process_tree import sweep
from gameday.substrates.process.run_processes import belonging, end, orphaned
from tests.support.reaper_lab import PATIENCE_S

TIDY = """
import pathlib, signal, sys
def tidy(number, frame):
    pathlib.Path(sys.argv[1]).touch()
    sys.exit()
signal.signal(signal.SIGTERM, tidy)
print("ready", flush=True)
signal.pause()
"""
WORKER = "print('ready', flush=True); import signal; signal.pause()"


@pytest.fixture
def run_id() -> Iterator[str]:
    sentence = f"test-{uuid.uuid4().hex[:8]}"
    yield sentence
    assert sweep(sentence, 0) == []


@contextmanager
def started(code: str, *arguments: str, mark: str = "") -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, **({"GAMEDAY_RUN": mark} if mark else {})}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def test_paused_processes_are_resumed_to_shut_down(run_id: str, tmp_path: Path) -> None:
    """A paused database is resumed first, so that it shuts down and leaves no shared memory."""
    with started(TIDY, str(tmp_path / "tidy"), mark=run_id) as process:
        process.send_signal(signal.SIGSTOP)
        assert end(run_id) == (1, [])
        assert process.wait(PATIENCE_S) == 0
    assert (tmp_path / "tidy").exists()


def test_the_loads_worker(run_id: str, tmp_path: Path) -> None:
    """The load's worker has no mark; its run is known by the path of its plan, and only for that
    module."""
    plan = str(tmp_path / run_id / "samples" / "load.json")
    with (
        started(WORKER, "gameday.load.locustfile", plan) as own,
        started(WORKER, "gameday.load.locustfile", f"{plan}.other"),
        started(WORKER, "an.editor", plan),
    ):
        assert [process.pid for process in belonging(run_id)] == [own.pid]
        assert end(run_id) == (1, [])


def test_a_parent_that_lives(run_id: str) -> None:
    """A process with a living parent belongs to that runner; no process belongs to two runs."""
    with started(WORKER, mark=run_id):
        assert orphaned()[run_id] is False
    assert run_id not in orphaned()


def test_nothing_to_end(run_id: str) -> None:
    """Ending no process is a no-op."""
    assert end(run_id) == (0, [])
