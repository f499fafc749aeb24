"""Finished runs of the command line, checked for what holds for every run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import psutil

from gameday.recording.journal import Event, read_journal

GAMEDAY = [sys.executable, "-m", "gameday"]
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


def finished(out: Path, status: int, printed: str) -> Run:
    """Read the only run in the folder `out` and check what holds for every run."""
    print(printed)  # noqa: T201  (shown if the test fails)
    folders = sorted(out.iterdir())
    assert len(folders) == 1, printed
    outcome = json.loads((folders[0] / "outcome.json").read_text(encoding="utf-8"))
    run = Run(status, folders[0], outcome, printed)
    _check_every_run(run)
    return run


def _check_every_run(run: Run) -> None:
    from tests.support.measured import outcome_schema

    jsonschema.validate(run.outcome, outcome_schema())
    assert run.outcome["exit_status"] == run.status
    assert run.outcome["cleanup"] == {"clean": True, "left": []}
    _check_clocks(run.outcome["clocks"])
    report = (run.folder / "report.html").read_bytes()
    assert 20_000 < len(report) < 1_500_000
    assert processes_of(run.outcome["run"]["id"]) == []


def _check_clocks(clocks: Mapping[str, float | None]) -> None:
    """Check the order of the stamps that were set; no recovery comes before its effect."""
    stamps = [stamp for stamp in (clocks[name] for name in CLOCKS) if stamp is not None]
    assert stamps == sorted(stamps), clocks
    if clocks["recovered"] is not None:
        assert clocks["effect"] is not None, clocks
        assert clocks["effect"] <= clocks["recovered"], clocks


def ended_by_responder(outcome: Mapping[str, Any]) -> bool:
    """Return whether the responder ended the outage.

    One request in seven fails, so now and then none fails between the page and the rollback: such an outage
    counts as ended by the system before `acted`, and has no `acted` if it ended before the rollback was requested.
    """
    acted = outcome["clocks"]["acted"]
    unseen = acted is None or outcome["clocks"]["recovered"] < acted
    return bool(outcome["ended_by"] == "responder" or (unseen and outcome["ended_by"] == "system"))


def processes_of(run_id: str) -> list[str]:
    """Return the command lines of all processes that belong to a run."""
    results = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("GAMEDAY_RUN") == run_id:
                results.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return results
