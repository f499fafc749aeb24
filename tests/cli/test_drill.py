"""`gameday drill`: the draw, the expectations of people, and the results, without real runs."""

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
from tests.support.nonempty_all import nonempty_all
from tests.support.outcomes import outcome


class Stage:
    """Replaces `play` and the writing of the final page."""

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
    fake = Stage()
    monkeypatch.setattr(module, "play", fake.play)
    monkeypatch.setattr("gameday.execution.matrix_result.conclude", fake.conclude)
    return fake


def gameday(*words: str) -> Result:
    return CliRunner().invoke(cli.gameday, ["drill", *words], standalone_mode=False)


def test_a_person_answers_and_then_automation_does_the_same(stage: Stage, tmp_path: Path) -> None:
    """The person's run is secret and ends late, automation's is as in the scenario; the exit status
    is the person's."""
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
    """With --no-auto only the person's run is made; outcomes are available as JSON."""
    done = gameday("door-closed", "--no-auto", "--json", "--substrate", "process", "--out", str(tmp_path))
    assert list(json.loads(done.stdout)) == ["on-call"]
    assert (len(stage.played), stage.left) == (1, [])


def test_a_surprise_is_drawn_among_the_drills(stage: Stage, tmp_path: Path) -> None:
    """The tag is `drill` unless another one is given; repeated draws give more than one scenario."""
    for _ in range(14):
        gameday(
            "--surprise", "--tag", "failover", "--no-auto", "--substrate", "process", "--out", str(tmp_path)
        )
    names = {trial.scenario.name for trial, _ in stage.played}
    assert len(names) > 1
    assert nonempty_all("failover" in trial.scenario.tags for trial, _ in stage.played)
    stdout = gameday("--surprise", "--tag", "failover", "--dry-run").stdout
    assert "primary-lost-sync: " in stdout
    assert "door-closed" not in stdout


def test_every_fault_of_a_drill_lasts_until_the_on_call_acts() -> None:
    """No entry in a drill's timeline ends by itself, since the person would then be timed for nothing."""
    drawn = [scenario for _, scenario in module._drawable(None, True, ("drill",))]
    assert len(drawn) >= 6
    assert not [
        scenario.name
        for scenario in drawn
        for entry in scenario.timeline
        if getattr(entry.spec, "for_", None)
    ]


def test_people_have_expectations_of_their_own() -> None:
    """Expectations of automation's speed don't apply to people; those of the drill replace them."""
    scenario = library.read(library.find("bad-deploy-pricing"))
    assert module.for_people(scenario, (), 60.0).expect == ("ttd < 5s", "audit.lost == 0")
    assert module.for_people(scenario, ("ttr < 15m",), 60.0).expect == ("ttr < 15m",)
    only = scenario.model_copy(update={"expect": ("ttr < 5s",)})
    assert module.for_people(only, (), 60.0).expect == ("recovered",)


@pytest.mark.parametrize("words", [(), ("door-closed", "--surprise"), ("--surprise", "--tag", "nothing")])
def test_exactly_one_of_scenario_and_surprise_is_required(words: tuple[str, ...]) -> None:
    """No scenario, both a scenario and a surprise, and an unknown scenario are usage errors."""
    assert isinstance(gameday(*words).exception, click.UsageError)


def test_a_matrix_is_no_drill() -> None:
    """A matrix is rejected, since it is several runs."""
    done = gameday("payments-slow")
    assert isinstance(done.exception, Invalid)
    assert "has a matrix" in str(done.exception)


def test_a_fault_of_the_load_cant_be_kept_secret() -> None:
    """A surge is rejected, since the load's plan is readable in the run's folder."""
    done = gameday("surge")
    assert isinstance(done.exception, Invalid)
    assert "can't be kept secret" in str(done.exception)


def test_the_process_list_does_not_reveal_the_scenario(tmp_path: Path) -> None:
    """A drill with a name re-executes itself without the name on its command line, and still knows it."""
    program = (
        "import sys; from pathlib import Path; from gameday.cli import drill, main\n"
        "def print_command(path, scenario, *rest, **named):\n"
        "    print(scenario.name, Path('/proc/self/cmdline').read_bytes().decode().split(chr(0))[1:-1])\n"
        "    return 0\n"
        "drill._run_drill = print_command\nmain()\n"
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
