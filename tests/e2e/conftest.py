"""Whole runs by the command line, each in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from runner.journal import Event, read_journal

GAMEDAY = [sys.executable, "-m", "runner.cli"]
CLOCKS = ("inject", "effect", "detect", "ack", "act", "acted")


@dataclass(frozen=True)
class Run:
    """A finished run: exit status, outcome, journal and what it printed."""

    status: int
    folder: Path
    outcome: dict[str, Any]
    printed: str

    def events(self, kind: str) -> list[Event]:
        return [event for event in read_journal(self.folder / "journal.jsonl") if event.kind == kind]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Run]:
    """`play("bad-deploy-pricing", "--responder", "none")` runs it and checks what holds for every run."""

    def run(*arguments: str) -> Run:
        out = tmp_path / "runs"
        command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        folders = sorted(out.iterdir())
        assert len(folders) == 1, done.stderr
        outcome = json.loads((folders[0] / "outcome.json").read_text(encoding="utf-8"))
        found = Run(done.returncode, folders[0], outcome, done.stdout + done.stderr)
        print(found.printed)  # noqa: T201  (shown where the test fails)
        _check_every_run(found)
        return found

    return run


def _check_every_run(run: Run) -> None:
    from runner.measure import outcome_schema

    jsonschema.validate(run.outcome, outcome_schema())
    assert run.outcome["exit_status"] == run.status
    assert run.outcome["cleanup"] == {"clean": True, "left": []}
    stamps = [run.outcome["clocks"][name] for name in CLOCKS]
    known = [stamp for stamp in stamps if stamp is not None]
    assert known == sorted(known), run.outcome["clocks"]
    report = (run.folder / "report.html").read_bytes()
    assert 20_000 < len(report) < 1_500_000
    assert processes_of(run.outcome["run"]["id"]) == []


def processes_of(run_id: str) -> list[str]:
    """Command lines of processes that belong to a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("GAMEDAY_RUN") == run_id:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
