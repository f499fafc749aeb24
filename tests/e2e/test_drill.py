"""A whole drill: a second process is on call by the commands alone, is timed to its own stamps, and finds no secret."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.cli import active, library
from tests.e2e.conftest import GAMEDAY

pytestmark = [pytest.mark.full, pytest.mark.timeout(400)]
CLOSE_S = 0.2
"""How near the run's stamps are to the script's own."""
BIG = 4_000_000


@dataclass
class OnCall:
    """Somebody who uses the commands; `stamps`: when each was given, and when it was done, seconds since the epoch."""

    stamps: dict[str, tuple[float, float]] = field(default_factory=dict)

    def say(self, *words: str) -> bool:
        begun = time.time()
        done = subprocess.run([*GAMEDAY, *words], capture_output=True, text=True, timeout=60, check=False)
        self.stamps[" ".join(words)] = (begun, time.time())
        return done.returncode == 0


def secrets_of(name: str) -> list[str]:
    """Texts that only somebody who knows the scenario has: its names, its faults, what is wrong with its releases."""
    scenario, releases = library.read(library.find(name)), library.catalogue()
    shipped = [entry.spec.release for entry in scenario.timeline if hasattr(entry.spec, "release")]
    defects = [str(releases.spec(each).defect)[:60] for each in shipped if releases.spec(each).defect]
    kinds = [f'"kind":"{word}"' for word in ("bad-deploy", *(entry.action for entry in scenario.timeline))]
    return [name, scenario.title, scenario.story[:60], *defects, *kinds, "fault.intended"]


def readable(*folders: Path) -> Iterator[tuple[str, str]]:
    """(where, text) of all that the user of the machine can read about the run: its files, and every process."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_size < BIG and "base" not in path.parts:
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


def found(words: list[str], places: Iterator[tuple[str, str]]) -> list[str]:
    return [f"{word} in {where}" for where, text in places for word in words if word in text]


def test_a_scripted_on_call_is_timed_to_its_own_stamps_and_finds_no_secret(room: Path) -> None:
    """It takes the page, takes the wrong change back, then the right one: counted, and stamped as it happened."""
    person = OnCall()
    terminal = room / "terminal"
    with terminal.open("wb") as screen:
        run = subprocess.Popen(
            [
                *GAMEDAY,
                "drill",
                "wrong-rollback",
                "--substrate",
                "process",
                "--within",
                "3s",
                "--out",
                str(room / "runs"),
            ],
            stdout=screen,
            stderr=screen,
        )
    try:
        while not person.say("ack"):
            assert run.poll() is None, terminal.read_text("utf-8")
        status = json.loads(subprocess.run([*GAMEDAY, "status", "--json"], capture_output=True, check=True).stdout)
        words = secrets_of("wrong-rollback")
        told = [("the door", json.dumps(status)), ("the terminal", terminal.read_text("utf-8"))]
        assert found(words, iter(told)) == []
        assert found(words, readable(room, active.state())) == []
        assert person.say("rollback", "gateway", "--as", "on-call")
        assert person.say("note", "the newest change was innocent", "--as", "scribe")
        assert person.say("rollback", "pricing", "--as", "on-call")
        assert run.wait(300) == 0, terminal.read_text("utf-8")
    finally:
        run.terminate()
        run.wait(60)
    (page,) = (room / "runs").glob("*/drill.html")
    sides = json.loads(page.with_name("drill.json").read_text("utf-8"))["variants"]
    outcome = json.loads((page.parent / sides[0]["run"] / "outcome.json").read_text("utf-8"))
    assert [each["name"] for each in sides] == ["on-call", "automation"]
    answered(outcome, person)
    assert found(["wrong-rollback"], readable(page.parent)) != []


def answered(outcome: dict[str, Any], person: OnCall) -> None:
    begun = datetime.fromisoformat(outcome["run"]["started"]).timestamp()
    clocks, operations = outcome["clocks"], outcome["operations"]
    wrong, right = person.stamps["rollback gateway --as on-call"], person.stamps["rollback pricing --as on-call"]
    ordered = {"ack": clocks["ack"], "wrong": operations[0]["t"], "right": clocks["act"]}
    given = {"ack": person.stamps["ack"][0], "wrong": wrong[0], "right": right[0]}
    late = {name: ordered[name] + begun - given[name] for name in given}
    assert all(0 <= each <= CLOSE_S for each in late.values()), late
    assert [(each["target"], each["right"]) for each in operations] == [("gateway", False), ("pricing", True)]
    assert outcome["responder"]["kind"] == "human"
    assert outcome["responder"]["wrong"] == 1
    assert outcome["responder"]["first_right_s"] == pytest.approx(clocks["act"] - clocks["effect"], abs=1e-5)
    assert [each["text"] for each in outcome["responder"]["notes"]] == ["the newest change was innocent"]
    assert outcome["clocks"]["recovered"] > operations[0]["done"]
