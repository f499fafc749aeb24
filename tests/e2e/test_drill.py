"""A whole drill: a second process is on call, uses the commands and keeps time stamps of its own."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from gameday.execution import active_runs, library
from tests.support.nonempty_all import nonempty_all
from tests.support.whole_runs import GAMEDAY

pytestmark = [pytest.mark.full, pytest.mark.timeout(400)]
CLOSE_S = 0.2
"""How near the run's stamps are to the script's own."""
BIG = 4_000_000


@dataclass
class OnCall:
    """An on-call who uses the commands; `stamps`: when each was given and when it was done, seconds
    since the epoch."""

    stamps: dict[str, tuple[float, float]] = field(default_factory=dict)

    def run(self, *words: str) -> bool:
        begun = time.time()
        done = subprocess.run([*GAMEDAY, *words], capture_output=True, text=True, timeout=60, check=False)
        self.stamps[" ".join(words)] = (begun, time.time())
        return done.returncode == 0


def secrets_of(name: str) -> list[str]:
    """Return the texts that reveal the scenario: its name, its faults, and the defects of its
    releases."""
    scenario, releases = library.read(library.find(name)), library.catalogue()
    shipped = [entry.spec.release for entry in scenario.timeline if hasattr(entry.spec, "release")]
    defects = [
        str(releases.spec(release).defect)[:60] for release in shipped if releases.spec(release).defect
    ]
    actions = [entry.action for entry in scenario.timeline if entry.action != "deploy"]
    return [name, scenario.title, scenario.story[:60], *defects, *actions, "bad-deploy", "fault.intended"]


def readable(*folders: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of all that the machine's user can read of the run: its files and every
    process."""
    for folder in folders:
        for path in folder.rglob("*"):
            with suppress(OSError):  # files come and go
                if path.is_file() and path.stat().st_size < BIG:
                    yield str(path), path.read_bytes().decode("utf-8", "replace")
    for process in psutil.process_iter():
        for part in ("cmdline", "environ"):
            try:
                yield (
                    f"/proc/{process.pid}/{part}",
                    Path(f"/proc/{process.pid}/{part}").read_bytes().decode("utf-8", "replace"),
                )
            except OSError:
                continue


def matches(words: list[str], places: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{word} in {where}" for where, text in places for word in words if word in text]


@contextmanager
def drilled(room: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yield a drill on processes and its terminal as a file; end it in order if it is still in
    progress."""
    terminal = room / "terminal"
    command = [
        *GAMEDAY,
        "drill",
        *words,
        "--substrate",
        "process",
        "--within",
        "3s",
        "--out",
        str(room / "runs"),
    ]
    with terminal.open("wb") as screen:
        run = subprocess.Popen(command, stdout=screen, stderr=screen)
    try:
        yield run, terminal
    finally:
        run.terminate()
        run.wait(60)


def paged(run: subprocess.Popen[bytes], terminal: Path, person: OnCall) -> None:
    """Wait for a page and acknowledge it."""
    while not person.run("ack"):
        assert run.poll() is None, terminal.read_text("utf-8")


def search(name: str, terminal: Path) -> list[str]:
    """Search for secrets in the API, on the terminal, in files and in the process list."""
    status = json.loads(
        subprocess.run([*GAMEDAY, "status", "--json"], capture_output=True, check=True).stdout
    )
    parts = [("the door", json.dumps(status)), ("the terminal", terminal.read_text("utf-8"))]
    shared = (
        (where, text)
        for where, text in readable(Path("/dev/shm"), Path("/tmp"))
        if status["run"] in where + text
    )
    places = itertools.chain(parts, readable(terminal.parent, active_runs.state()), shared)
    return matches(secrets_of(name), places)


def ended(run: subprocess.Popen[bytes], terminal: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the person's outcome and the names of the compared runs."""
    assert run.wait(300) == 0, terminal.read_text("utf-8")
    (folder,) = (terminal.parent / "runs").glob("*-drill")
    outcomes = [json.loads(path.read_text("utf-8")) for path in folder.glob("*/outcome.json")]
    page = folder / "drill.json"
    sides = (
        [variant["name"] for variant in json.loads(page.read_text("utf-8"))["variants"]]
        if page.exists()
        else []
    )
    return next(outcome for outcome in outcomes if outcome["responder"]["kind"] == "human"), sides


def test_a_scripted_on_call_is_timed_to_its_own_stamps_and_finds_no_secret(room: Path) -> None:
    """The on-call acknowledges, rolls back a wrong change and then the right one; the outcome
    counts and times each."""
    person = OnCall()
    with drilled(room, "wrong-rollback") as (run, terminal):
        paged(run, terminal, person)
        assert (places := search("wrong-rollback", terminal)) == [], "\n".join(places)
        assert person.run("rollback", "gateway", "--as", "on-call")
        assert person.run("note", "the newest change was innocent", "--as", "scribe")
        assert person.run("rollback", "pricing", "--as", "on-call")
        outcome, sides = ended(run, terminal)
    assert sides == ["on-call", "automation"]
    answered(outcome, person)
    assert matches(["wrong-rollback"], readable(room)) != []  # opened at the end


def test_the_right_rollback_at_first_takes_less_time(room: Path, tmp_path: Path) -> None:
    """A drill with a wrong rollback first lasts longer than one without."""
    took = []
    for number, services in enumerate((["gateway", "pricing"], ["pricing"])):
        own = room / str(number)
        own.mkdir(mode=0o755)
        with drilled(own, "wrong-rollback", "--no-auto", "--expect", "recovered") as (run, terminal):
            paged(run, terminal, OnCall())
            assert nonempty_all(OnCall().run("rollback", service) for service in services)
            outcome, _ = ended(run, terminal)
        took.append(outcome["ttr_s"])
        assert outcome["responder"]["wrong"] == len(services) - 1
    assert took[0] > took[1]


def test_a_lost_region_is_kept_secret_and_answered_by_a_person(room: Path) -> None:
    """Nothing reveals the region fault; a person promotes a standby, and users recover."""
    person = OnCall()
    with drilled(room, "primary-lost-sync", "--no-auto") as (run, terminal):
        paged(run, terminal, person)
        assert (places := search("primary-lost-sync", terminal)) == [], "\n".join(places)
        assert person.run("failover", "us-east")
        assert person.run("promote")
        outcome, _ = ended(run, terminal)
    assert outcome["ended_by"] == "responder"
    assert outcome["audit"]["lost"] == 0


def answered(outcome: dict[str, Any], person: OnCall) -> None:
    begun = datetime.fromisoformat(outcome["run"]["started"]).timestamp()
    clocks, operations = outcome["clocks"], outcome["operations"]
    wrong, right = (
        person.stamps["rollback gateway --as on-call"],
        person.stamps["rollback pricing --as on-call"],
    )
    ordered = {"ack": clocks["ack"], "wrong": operations[0]["t"], "right": clocks["act"]}
    given = {"ack": person.stamps["ack"][0], "wrong": wrong[0], "right": right[0]}
    late = {name: ordered[name] + begun - given[name] for name in given}
    assert nonempty_all(0 <= delay <= CLOSE_S for delay in late.values()), late
    assert [(operation["target"], operation["right"]) for operation in operations] == [
        ("gateway", False),
        ("pricing", True),
    ]
    assert outcome["responder"]["kind"] == "human"
    assert outcome["responder"]["wrong"] == 1
    assert outcome["responder"]["first_right_s"] == pytest.approx(clocks["act"] - clocks["effect"], abs=1e-5)
    assert [note["text"] for note in outcome["responder"]["notes"]] == ["the newest change was innocent"]
    assert outcome["clocks"]["recovered"] > operations[0]["done"]
