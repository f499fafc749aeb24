"""gameday drill: what may be drawn, what is expected of people, what is left; runs themselves are replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from gameday import cli
from gameday.analysis import Outcome
from gameday.cli import drill as module
from gameday.execution import library
from gameday.execution.system_reuse import Signals, SystemReuse
from gameday.execution.trial import Options, Trial
from gameday.scenario.yaml_document import Invalid
from tests.support.outcomes import outcome


class Stage:
    """Stands for `play`, and for the page at the end."""

    def __init__(self) -> None:
        self.played: list[tuple[Trial, Options]] = []
        self.left: list[list[str]] = []

    def play(self, trial: Trial, options: Options, out: Path, kept: SystemReuse, signals: Signals) -> Outcome:
        self.played.append((trial, options))
        status = 1 if trial.secret is not None else 0
        return Outcome.model_validate(outcome(f"r{len(self.played)}", status=status))

    def conclude(self, folder: Path, runs: Mapping[str, Path], **named: Any) -> int:
        self.left.append([named["name"], *runs])
        return 0


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    monkeypatch.setattr(module, "play", made.play)
    monkeypatch.setattr("gameday.execution.matrix_result.conclude", made.conclude)
    return made


def gameday(*words: str) -> Result:
    return CliRunner().invoke(cli.gameday, ["drill", *words], standalone_mode=False)


def test_a_person_answers_and_then_automation_does_the_same(stage: Stage, tmp_path: Path) -> None:
    """The person's run is secret and ends late; automation's is as the scenario has it; the status is the person's."""
    done = gameday(
        "primary-lost-sync",
        "--substrate",
        "process",
        "--out",
        str(tmp_path),
        "--up-to",
        "2h",
        "--within",
        "30m",
    )
    assert done.return_value == 1
    (person, _), (automation, alone) = stage.played
    assert (person.secret, person.scenario.give_up, person.scenario.respond.by) == (1800.0, 7200.0, "human")
    assert (automation.secret, automation.scenario) == (None, library.read(library.find("primary-lost-sync")))
    assert (alone.responder, alone.page_to, person.seed) == (None, (), automation.seed)
    assert stage.left == [["drill", "on-call", "automation"]]


def test_without_automation_there_is_one_run(stage: Stage, tmp_path: Path) -> None:
    """--no-auto, and the outcomes as JSON."""
    done = gameday("door-closed", "--no-auto", "--json", "--substrate", "process", "--out", str(tmp_path))
    assert list(json.loads(done.stdout)) == ["on-call"]
    assert (len(stage.played), stage.left) == (1, [])


def test_a_surprise_is_drawn_among_scenarios_that_wait_for_somebody(stage: Stage, tmp_path: Path) -> None:
    """Tag drill unless another is asked for; in the long run more than one of them."""
    for _ in range(14):
        gameday(
            "--surprise", "--tag", "failover", "--no-auto", "--substrate", "process", "--out", str(tmp_path)
        )
    names = {trial.scenario.name for trial, _ in stage.played}
    assert len(names) > 1
    assert all("failover" in trial.scenario.tags for trial, _ in stage.played)
    stdout = gameday("--surprise", "--tag", "failover", "--dry-run").stdout
    assert "primary-lost-sync: " in stdout
    assert "door-closed" not in stdout


def test_every_fault_to_be_drawn_stays_till_somebody_acts() -> None:
    """Nothing in a drill's timeline is over by itself: the person would be timed for nothing."""
    drawn = [found for _, found in module._drawable(None, True, ("drill",))]
    assert len(drawn) >= 6
    assert not [each.name for each in drawn for entry in each.timeline if getattr(entry.spec, "for_", None)]


def test_of_people_is_expected_what_they_can_be_held_to() -> None:
    """How fast automation is to be is not asked of them; what is asked in its place, is."""
    scenario = library.read(library.find("bad-deploy-pricing"))
    assert module.for_people(scenario, (), 60.0).expect == ("ttd < 5s", "audit.lost == 0")
    assert module.for_people(scenario, ("ttr < 15m",), 60.0).expect == ("ttr < 15m",)
    only = scenario.model_copy(update={"expect": ("ttr < 5s",)})
    assert module.for_people(only, (), 60.0).expect == ("recovered",)


@pytest.mark.parametrize("words", [(), ("door-closed", "--surprise"), ("--surprise", "--tag", "nothing")])
def test_what_is_to_be_run_must_be_said(words: tuple[str, ...]) -> None:
    """Neither nothing, nor both, nor what isn't there."""
    assert isinstance(gameday(*words).exception, click.UsageError)


def test_a_matrix_is_no_drill() -> None:
    """It is several runs."""
    done = gameday("payments-slow")
    assert isinstance(done.exception, Invalid)
    assert "has a matrix" in str(done.exception)


def test_a_fault_of_the_load_cant_be_kept_secret() -> None:
    """The plan of the load lies open in the run's folder."""
    done = gameday("surge")
    assert isinstance(done.exception, Invalid)
    assert "can't be kept secret" in str(done.exception)


def test_the_process_list_doesnt_tell_which(tmp_path: Path) -> None:
    """A drill with a name begins again without it on its command line, and still knows it."""
    program = (
        "import sys; from pathlib import Path; from gameday.cli import drill, main\n"
        "def made(path, found, *rest, **named):\n"
        "    print(found.name, Path('/proc/self/cmdline').read_bytes().decode().split(chr(0))[1:-1])\n"
        "    return 0\n"
        "drill._run_drill = made\nmain()\n"
    )
    script = tmp_path / "gameday"
    script.write_text(program, encoding="utf-8")
    command = [
        sys.executable,
        str(script),
        "drill",
        "door-closed",
        "--out",
        str(tmp_path / "runs"),
        "--no-auto",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=dict(os.environ), timeout=60, check=True
    )
    name, _, line = done.stdout.partition(" ")
    assert name == "door-closed"
    assert "--no-auto" in line
    assert "door-closed" not in line
