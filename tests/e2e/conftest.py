"""Whole runs by the command line, each in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from gameday.execution import library
from gameday.recording.journal import Event, read_journal

GAMEDAY = [sys.executable, "-m", "gameday"]
INCONCLUSIVE = 3
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
def room() -> Iterator[Path]:
    """A folder that every user can reach: pytest's own are private, and Postgres never runs as root."""
    with tempfile.TemporaryDirectory(prefix="gameday-e2e-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def _own_state(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs under way are listed here alone, so that no test can end a run that isn't its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(room / "state"))


def unattached() -> set[str]:
    """The machine's shared memory that nobody uses, and the files in which Postgres has more of it, used or not."""
    names, *rows = (
        line.split() for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    )
    found = (dict(zip(names, row, strict=True)) for row in rows)
    segments = {
        f"segment {each['shmid']} of process {each['cpid']}" for each in found if each["nattch"] == "0"
    }
    return segments | {str(path) for path in Path("/dev/shm").glob("PostgreSQL.*")}


@pytest.fixture(autouse=True)
def _no_shared_memory_stays() -> Iterator[None]:
    """Of databases that were killed; also where their data were destroyed, or copied anew."""
    before = unattached()
    yield
    assert unattached() <= before


@pytest.fixture
def play(room: Path) -> Callable[..., Run]:
    """`play("bad-deploy-pricing", "--responder", "none")` runs it and checks what holds for every run.

    An inconclusive one is made once more, as a suite does it: a machine that stood still for a moment says nothing.
    """

    def run(*arguments: str) -> Run:
        found = once(room / "runs", *arguments)
        return once(room / "again", *arguments) if found.status == INCONCLUSIVE else found

    def once(out: Path, *arguments: str) -> Run:
        command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        return finished(out, done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def altered(room: Path) -> Callable[..., str]:
    """`altered("wrong-prices", "detectors: …", {"ttd < 5s": "ttd < 9s"})`: path of a copy, added to and changed."""

    def copy(name: str, more: str = "", changed: Mapping[str, str] | None = None) -> str:
        text = library.paths()[name].read_text(encoding="utf-8")
        for old, new in (changed or {}).items():
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        path = room / f"{name}.yaml"
        path.write_text(text + more, encoding="utf-8")
        return str(path)

    return copy


def finished(out: Path, status: int, printed: str) -> Run:
    """The one run in the folder `out`, with what holds for every run checked."""
    print(printed)  # noqa: T201  (shown where the test fails)
    folders = sorted(out.iterdir())
    assert len(folders) == 1, printed
    outcome = json.loads((folders[0] / "outcome.json").read_text(encoding="utf-8"))
    found = Run(status, folders[0], outcome, printed)
    _check_every_run(found)
    return found


def _check_every_run(run: Run) -> None:
    from gameday.analysis import outcome_schema

    jsonschema.validate(run.outcome, outcome_schema())
    assert run.outcome["exit_status"] == run.status
    assert run.outcome["cleanup"] == {"clean": True, "left": []}
    _check_clocks(run.outcome["clocks"])
    report = (run.folder / "report.html").read_bytes()
    assert 20_000 < len(report) < 1_500_000
    assert processes_of(run.outcome["run"]["id"]) == []


def _check_clocks(clocks: Mapping[str, float | None]) -> None:
    """Those that were set are in their order, and nobody was well again before being hurt."""
    known = [stamp for stamp in (clocks[name] for name in CLOCKS) if stamp is not None]
    assert known == sorted(known), clocks
    if clocks["recovered"] is not None:
        assert clocks["effect"] is not None, clocks
        assert clocks["effect"] <= clocks["recovered"], clocks


def ended_by_responder(outcome: Mapping[str, Any]) -> bool:
    """As far as requests tell: one in seven fails, and now and then none does between the page and the roll-back."""
    unseen = outcome["clocks"]["recovered"] < outcome["clocks"]["acted"]
    return bool(outcome["ended_by"] == "responder" or (unseen and outcome["ended_by"] == "system"))


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
