"""`gameday suite` and `gameday history`: order, retries, early ends, and the files that are left.

Each run is replaced by a folder with an outcome; other tests cover the runs themselves.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import threading
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import click
import pytest

from gameday.analysis import Outcome
from gameday.analysis.model.baseline_model import MachineSpeed
from gameday.analysis.trials.baseline import read
from gameday.cli.history import history
from gameday.cli.suite import suite
from gameday.execution.suites.capacity import Capacity
from gameday.execution.suites.parallel_workers import InProcessPlayer
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.execution.trial import Options, Trial
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid
from tests.support.github_workflow import read as workflow
from tests.support.github_workflow import scripts
from tests.support.paths import ROOT
from tests.support.scenarios import SMALL
from tests.support.suites import GROUND, full

Answer = Callable[[str, int], Mapping[str, Any]]
WORKFLOW = ROOT / ".github/workflows/resilience.yml"


class Stage:
    """Replaces `play`: `says` gives the outcome of the n-th run of a scenario, in the form that
    `full` takes."""

    def __init__(self) -> None:
        self.played: list[tuple[str, int]] = []
        self.kept: list[bool] = []
        self.says: Answer = lambda name, n: {"ttr": 5.0 + n / 10}

    def play(self, trial: Trial, options: Options, out: Path, kept: SystemReuse, signals: Signals) -> Outcome:
        name = trial.scenario.name
        n = sum(played == name for played, _ in self.played)
        self.played.append((name, trial.seed))
        self.kept.append(kept.then == wanted(trial.scenario))
        outcome = full(f"run-{len(self.played):02d}", name, seed=trial.seed, **self.says(name, n))
        folder = out / outcome["run"]["id"]
        folder.mkdir(parents=True)
        (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
        return Outcome.model_validate(outcome)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.played]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """Return a stage in an empty folder, without GitHub's variables."""
    fake = Stage()
    monkeypatch.setattr("gameday.execution.suites.parallel_workers.play", fake.play)
    monkeypatch.setattr(
        "gameday.analysis.trials.gate.machine_speed.machine_speed",
        lambda folder, outcome: MachineSpeed(**GROUND),
    )
    monkeypatch.setattr(
        "gameday_reports.pages.trials_page.render_trials", lambda trials, path: path.touch()
    )  # its drawings take seconds
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return fake


def scenario(name: str, more: str = "") -> Path:
    """Write a scenario file in scenarios/."""
    path = Path("scenarios", f"{name}.yaml")
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        SMALL.replace("name: small", f"name: {name}").replace("ttd < 5s", "ttr < 30s") + more,
        encoding="utf-8",
    )
    return path


def gameday_suite(*arguments: str | Path) -> int:
    words = [*map(str, arguments), "--substrate", "process", "--seed", "7"]
    return int(suite.main(words, standalone_mode=False))


def left() -> tuple[Path, dict[str, Any]]:
    (folder,) = Path("runs").glob("*-suite")
    return folder, json.loads((folder / "suite.json").read_text(encoding="utf-8"))


def test_a_folder_runs_in_trials_and_leaves_everything(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each trial has a seed, standard error has the time left, and every result file is written."""
    scenario("one"), scenario("two")
    assert gameday_suite("scenarios", "--repeat", "2") == 0
    assert stage.played == [("one", 7), ("one", 8), ("two", 7), ("two", 8)]
    folder, suite = left()
    assert {path.name for path in folder.iterdir()} == {
        *("one", "two"),
        *("suite.json", "suite.html", "suite.md", "junit.xml"),
    }
    assert (folder / "one/trials.html").is_file()
    assert suite["scenarios"][0]["path"] == "scenarios/one.yaml"
    output = capsys.readouterr()
    assert re.search(r"suite  1 of 4: one, trial 1 of 2; about \d+ min left", output.err)
    assert "suite.html" in output.out
    assert "about" not in output.out
    assert Xml.parse(folder / "junit.xml").getroot().get("tests") == "4"


def test_scenarios_with_the_same_system_run_together(stage: Stage) -> None:
    """A system stays up between trials and scenarios that share it; the last trial tears it down."""
    other = scenario("other", "guardrails: {breaker: true}\n")
    assert gameday_suite(scenario("one"), other, scenario("two")) == 0
    assert stage.names == ["one", "two", "other"]
    assert stage.kept == [True, False, False]


def test_a_matrix_is_a_scenario_for_each_variant(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The runs are in a folder of their own; if they can't be compared there is neither a page nor
    a link."""
    path = scenario(
        "pair", "matrix: {on: {guardrails: {breaker: true}}, off: {guardrails: {breaker: false}}}\n"
    )
    assert gameday_suite(path) == 0
    assert sorted(stage.names) == ["pair-off", "pair-on"]
    _, suite = left()
    assert {entry["runs"][0]["folder"] for entry in suite["scenarios"]} == {
        "pair/on/run-01",
        "pair/off/run-02",
    }
    assert [entry["matrix"] for entry in suite["scenarios"]] == [None, None]
    assert "no matrix.html of pair" in capsys.readouterr().err


def test_tags_choose(stage: Stage) -> None:
    """A scenario with any of the tags is chosen; an unknown tag is an error with a hint."""
    scenario("one", "tags: [ci, slow]\n"), scenario("two", "tags: [db]\n"), scenario("three")
    assert gameday_suite("scenarios", "--tag", "ci", "--tag", "db") == 0
    assert stage.names == ["one", "two"]
    with pytest.raises(Invalid, match=r"no scenario has the tag 'cj'\n.*one of: ci, db, slow"):
        gameday_suite("scenarios", "--tag", "cj")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empty",), "holds no scenario"),
        (("nine",), "no such file or library scenario"),
        (("scenarios", "copy.yaml"), "has the same name, 'one', as"),
        (("one.yaml", "--baseline", "none.json"), "none.json: can't be read"),
        (("one.yaml", "--out", "/proc/x"), "can't be written"),
    ],
)
def test_usage_errors_are_reported_before_anything_starts(
    stage: Stage, arguments: tuple[str, ...], message: str
) -> None:
    """`main` returns exit status 2, and nothing is played."""
    Path("empty").mkdir()
    for copy in ("copy.yaml", "one.yaml"):
        Path(copy).write_text(scenario("one").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(Invalid, match=message):
        gameday_suite(*arguments)
    assert stage.played == []


@pytest.mark.parametrize("word", ["--max-duration", "--pause"])
def test_a_time_has_a_unit(stage: Stage, word: str) -> None:
    """A time without a unit is an error."""
    with pytest.raises(click.BadParameter, match="isn't a duration"):
        gameday_suite(scenario("one"), word, "10")


def test_an_inconclusive_trial_is_retried_and_a_failed_one_never(stage: Stage) -> None:
    """The retry has the same seed; the last attempt counts and the others are reported."""
    stage.says = lambda name, n: {"status": 3 if name == "shaky" and n < 2 else 1 if name == "bad" else 0}
    scenario("bad"), scenario("shaky")
    assert gameday_suite("scenarios", "--retry-inconclusive", "2") == 1
    assert stage.played == [("bad", 7), ("shaky", 7), ("shaky", 7), ("shaky", 7)]
    _, suite = left()
    assert [entry["verdict"] for entry in suite["scenarios"]] == ["fail", "pass"]
    assert [run["retried"] for run in suite["scenarios"][1]["runs"]] == [True, True, False]


def test_fail_fast_starts_no_further_scenario(stage: Stage) -> None:
    """No scenario starts after a failure; an inconclusive trial isn't a failure."""
    stage.says = lambda name, n: {"status": {"a": 3, "b": 1}.get(name, 0)}
    scenario("a"), scenario("b"), scenario("c")
    gameday_suite("scenarios", "--fail-fast")
    assert stage.names == ["a", "b"]
    assert left()[1]["scenarios"][2]["reasons"] == ["not run: an earlier trial failed (--fail-fast)"]


def test_a_scenario_that_does_not_fit_is_left_out(stage: Stage) -> None:
    """A scenario that doesn't fit into the time makes the suite inconclusive, never passed."""
    assert gameday_suite(scenario("one"), scenario("two"), "--max-duration", "5s") == 3
    assert stage.played == []
    folder, suite = left()
    assert suite["totals"]["not_run"] == 2
    assert "--max-duration, 5 s" in (folder / "suite.md").read_text(encoding="utf-8")


def test_an_interruption_keeps_finished_runs(stage: Stage) -> None:
    """The exit status is 130; the other scenarios are listed as not run."""

    def interrupted(name: str, n: int) -> Mapping[str, Any]:
        if name == "two":
            os.kill(os.getpid(), signal.SIGINT)
        return {"status": 130 if name == "two" else 0}

    stage.says = interrupted
    scenario("one"), scenario("two"), scenario("zero")
    assert gameday_suite("scenarios") == 130
    assert stage.names == ["one", "two"]
    _, suite = left()
    assert (suite["interrupted"], suite["exit_status"]) == (True, 130)
    assert [entry["verdict"] for entry in suite["scenarios"]] == ["pass", "error", "inconclusive"]
    assert suite["scenarios"][2]["missing"] == "interrupted by SIGINT"


def test_a_signal_ends_the_pause(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of an hour between two scenarios ends at once."""

    class Over:
        def __init__(self) -> None:
            self.set_ = False

        def set(self) -> None:
            self.set_ = True

        def wait(self, seconds: float) -> None:
            assert seconds == 3600
            os.kill(os.getpid(), signal.SIGTERM)
            assert self.set_

    monkeypatch.setattr("gameday.execution.suites.suite_runner.threading.Event", Over)
    assert gameday_suite(scenario("one"), scenario("two"), "--pause", "1h") == 130
    assert stage.names == ["one"]


def test_a_failure_of_the_tool_keeps_finished_runs(stage: Stage) -> None:
    """The exit status is 4, and the reason is in the result."""

    def broken(name: str, n: int) -> Mapping[str, Any]:
        if name == "two":
            raise PortError("no space left")
        return {}

    stage.says = broken
    scenario("one"), scenario("two")
    assert gameday_suite("scenarios") == 4
    assert left()[1]["reasons"][0] == "no space left"


def test_a_defect_keeps_finished_runs_too(stage: Stage) -> None:
    """The exception is raised to the caller."""

    def broken(name: str, n: int) -> Mapping[str, Any]:
        if name == "two":
            raise ZeroDivisionError(name)
        return {}

    stage.says = broken
    scenario("one"), scenario("two")
    with pytest.raises(ZeroDivisionError, match="two"):
        gameday_suite("scenarios")
    folder, suite = left()
    assert suite["scenarios"][0]["verdict"] == "pass"
    assert (folder / "junit.xml").is_file()


def test_a_baseline_is_kept_and_compared_with(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Compared with itself the status is 0, half slower it is 1, and a regression never becomes the
    baseline."""
    words = (scenario("one"), "--repeat", "6")
    assert gameday_suite(*words, "--save-baseline", "b.json", "--out", "base") == 0
    before = read(Path("b.json"))
    assert list(before.scenarios["one"].ttr_s) == [5.0, 5.1, 5.2, 5.3, 5.4, 5.5]
    stage.played.clear()
    assert gameday_suite(*words, "--baseline", "b.json", "--out", "same") == 0
    stage.says = lambda name, n: {"ttr": 8.0 + n / 10}
    assert gameday_suite(*words, "--baseline", "b.json", "--save-baseline", "b.json") == 1
    out = capsys.readouterr().out
    assert "recovery 3.6 s slower (+69 %); detection unchanged" in out
    assert "baseline not saved: it became worse" in out
    assert read(Path("b.json")) == before


def test_on_another_machine_the_command_is_printed(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is 3, and the command is on a line that can be copied."""
    words = (scenario("one"), "--repeat", "6")
    gameday_suite(*words, "--save-baseline", "b.json", "--out", "base")
    slow = {key: 2 * value for key, value in GROUND.items()}
    monkeypatch.setattr(
        "gameday.analysis.trials.gate.machine_speed.machine_speed",
        lambda folder, outcome: MachineSpeed(**slow),
    )
    assert gameday_suite(*words, "--baseline", "b.json") == 3
    out = capsys.readouterr().out
    assert "\ngameday compare BASE/scenarios/one.yaml scenarios/one.yaml --interleave 10\n" in out


def test_github_gets_annotations_and_a_summary(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An annotation is at the expectation's line, escaped for GitHub; the summary is appended."""
    Path("summary.md").write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    stage.says = lambda name, n: (
        {"ttr": inf, "status": 1} if name == "bad" else {"status": 3, "why": "50 %\nno"}
    )
    path = scenario("bad")
    scenario("unclear")
    line = len(path.read_text(encoding="utf-8").splitlines())
    gameday_suite("scenarios")
    err = capsys.readouterr().err
    assert f"::error file=scenarios/bad.yaml,line={line},title=bad%3A ttr < 30s::" in err
    assert "didn't hold in 1 of 1 trials%0Arun-01: ttr = censored" in err
    assert "::warning file=scenarios/unclear.yaml,line=1,title=unclear%3A inconclusive::50 %25%0Ano" in err
    assert Path("summary.md").read_text(encoding="utf-8").startswith("before\n## ")


def test_json_alone_goes_to_standard_output(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output has the content of suite.json."""
    gameday_suite(scenario("one"), "--json")
    assert json.loads(capsys.readouterr().out) == left()[1]


def test_a_dry_run_starts_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The output has each scenario in order, with the time it takes."""
    assert (
        gameday_suite(scenario("one"), scenario("two"), "--repeat", "3", "--max-duration", "1m", "--dry-run")
        == 0
    )
    out = capsys.readouterr().out
    assert re.search(r"one: scenarios/one.yaml: ok; about 3 × \d+ s\ntwo: ", out)
    assert "trials that don't fit are skipped, exit status 3" in out
    assert not Path("runs").exists()


def test_history_reads_the_results_of_suites(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The history is a table, a page beside the runs, and JSON; an empty folder is an error."""
    gameday_suite(scenario("one"), "--repeat", "3")
    capsys.readouterr()
    assert history.main([], standalone_mode=False) == 0
    out = capsys.readouterr().out
    for words in ("2026 Q1", "one", "5.10 s", "runs/history.html"):
        assert words in out
    assert history.main(["runs", "--json"], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 3
    with pytest.raises(Invalid, match="holds no run of two"):
        history.main(["runs", "--scenario", "two"], standalone_mode=False)
    with pytest.raises(Invalid, match="holds no run"):
        history.main(["nowhere"], standalone_mode=False)


def test_the_example_for_github_measures_both_sides_alike() -> None:
    """The commands before and after differ only in their folder and in how they use the baseline."""
    gate = [
        script for job, script in scripts(workflow(WORKFLOW)) if job == "gate" and "gameday suite" in script
    ]
    sides = [shlex.split(script) for script in gate]
    assert [words[0] for words in sides] == ["base/.venv/bin/gameday", ".venv/bin/gameday"]
    assert [words[-2:] for words in sides] == [
        ["--save-baseline", "baseline.json"],
        ["--baseline", "baseline.json"],
    ]
    before, after = (words[1:-3] for words in sides)
    assert before == after
    assert before[-1] == "--out"


@pytest.fixture
def roomy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[InProcessPlayer]:
    """Simulate a machine with room for two runs; return the lanes that were started."""
    monkeypatch.setattr("gameday.cli.suite.measure_capacity", lambda: Capacity(4, 32.0))
    begun: list[InProcessPlayer] = []

    def begin(signals: Signals) -> InProcessPlayer:
        """Start the lane in this process, so that `Stage` records what it plays, with a system of
        its own."""
        begun.append(InProcessPlayer(signals))
        return begun[-1]

    monkeypatch.setattr("gameday.execution.suites.suite_runner.WorkerPlayer", begin)
    return begun


def test_scenarios_run_at_once_in_lanes_of_their_own(
    stage: Stage, roomy: list[InProcessPlayer], capsys: pytest.CaptureFixture[str]
) -> None:
    """All trials of a scenario run in one lane, each with its seed; there is one suite.json and one
    exit status."""
    both, alone = threading.Barrier(2, timeout=20), stage.says

    def says(name: str, n: int) -> Mapping[str, Any]:
        if n == 0:
            both.wait()  # broken, and the test fails, unless another one goes on now
        return {**alone(name, n), "status": int(name == "two")}

    stage.says = says
    scenario("one"), scenario("two")
    assert gameday_suite("scenarios", "--repeat", "2", "--at-once", "auto", "--json") == 1
    assert sorted(stage.played) == [("one", 7), ("one", 8), ("two", 7), ("two", 8)]
    _, suite = left()
    assert [(entry["scenario"], entry["verdict"], entry["n"]) for entry in suite["scenarios"]] == [
        ("one", "pass", 2),
        ("two", "fail", 2),
    ]
    assert (suite["at_once"], suite["crowded"], len(roomy)) == (2, "", 2)
    output = capsys.readouterr()
    assert json.loads(output.out) == suite
    assert "4 of 4: two, trial 2 of 2" in output.err


def test_a_suite_beyond_the_capacity_is_refused(stage: Stage, roomy: list[InProcessPlayer]) -> None:
    """The suite is refused before anything starts, with what a run needs; a single run is always
    allowed."""
    path = scenario("one")
    with pytest.raises(
        Invalid, match=r"(?s)3 is more than the 2 .* 4 cores .* the machine and not the system.*--crowded"
    ):
        gameday_suite(path, "--at-once", "3")
    assert (stage.played, roomy) == ([], [])
    for wrong in ("0", "many", "65", "²"):
        with pytest.raises(click.BadParameter, match="neither auto nor a number"):
            gameday_suite(path, "--at-once", wrong)
    with pytest.raises(click.UsageError, match="one scenario at a time"):
        gameday_suite(path, "--at-once", "2", "--pause", "5m")


def test_a_crowded_suite_says_so_and_judges_no_baseline(
    stage: Stage, roomy: list[InProcessPlayer], capsys: pytest.CaptureFixture[str]
) -> None:
    """Against a baseline the status is 3 and none is kept; without one the verdicts hold, with the
    reason beside them."""
    words = [scenario(name) for name in ("one", "two", "three")]
    assert gameday_suite(*words, "--repeat", "6", "--save-baseline", "b.json", "--out", "base") == 0
    stage.played.clear()
    crowd: tuple[str | Path, ...] = (*words, "--repeat", "6", "--at-once", "3", "--crowded")
    assert gameday_suite(*crowd, "--baseline", "b.json", "--save-baseline", "c.json") == 3
    folder, suite = left()
    assert "crowded machine: 3 runs at once with 4 cores" in suite["reasons"][0]
    assert suite["baseline"]["judged"] is False
    assert not Path("c.json").exists()
    assert "baseline not saved: times were measured on a crowded machine" in capsys.readouterr().out
    assert "crowded machine" in (folder / "suite.html").read_text(encoding="utf-8")
    stage.played.clear()
    assert gameday_suite(*crowd, "--out", "again") == 0


def test_a_signal_ends_every_lane(stage: Stage, roomy: list[InProcessPlayer]) -> None:
    """Each run in progress is interrupted once; no other run starts, and the status is 130."""
    results: list[str] = []
    both = threading.Barrier(2, timeout=20)

    def play(trial: Trial, options: Options, out: Path, kept: SystemReuse, signals: Signals) -> Outcome:
        ended = threading.Event()

        def end(name: str) -> None:
            results.append(name)
            ended.set()

        with signals.to(end):
            if both.wait() == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            assert ended.wait(20)
        return Outcome.model_validate(full("run", trial.scenario.name, status=130))

    stage.says = lambda name, n: {}
    for name in ("one", "two", "three", "four"):
        scenario(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gameday.execution.suites.parallel_workers.play", play)
        assert gameday_suite("scenarios", "--at-once", "2") == 130
    assert results == ["SIGTERM", "SIGTERM"]
    _, suite = left()
    assert sorted(entry["n"] for entry in suite["scenarios"]) == [0, 0, 1, 1]
    assert {entry["missing"] for entry in suite["scenarios"]} == {"", "interrupted by SIGTERM"}


def test_a_failure_in_one_lane_stops_the_others(stage: Stage, roomy: list[InProcessPlayer]) -> None:
    """The status is 4; a trial in flight is finished and counts, and no other one starts."""
    both, failed = threading.Barrier(2, timeout=20), threading.Event()
    finish = InProcessPlayer.finish

    def finished(lane: InProcessPlayer) -> None:
        """Return True if the lane's outcome is known."""
        finish(lane)
        failed.set()

    def says(name: str, n: int) -> Mapping[str, Any]:
        if n == 0:
            both.wait()
        if name == "one":
            raise PortError("no space left")
        assert failed.wait(20)
        return {}

    stage.says = says
    scenario("one"), scenario("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InProcessPlayer, "finish", finished)
        assert gameday_suite("scenarios", "--repeat", "2", "--at-once", "2") == 4
    _, suite = left()
    assert suite["reasons"][0] == "no space left"
    assert [(entry["scenario"], entry["n"]) for entry in suite["scenarios"]] == [("one", 0), ("two", 1)]


def test_a_dry_run_tells_how_many_at_once(
    stage: Stage, roomy: list[InProcessPlayer], capsys: pytest.CaptureFixture[str]
) -> None:
    """The output has the number of lanes and how long the longest one takes."""
    words = [scenario(name) for name in ("one", "two")]
    gameday_suite(*words, "--dry-run")
    alone = capsys.readouterr().out
    gameday_suite(*words, "--at-once", "auto", "--dry-run")
    out = capsys.readouterr().out
    assert out.endswith(" in all, 2 at once\n")
    assert alone.splitlines()[:2] == out.splitlines()[:2]
    assert alone.splitlines()[2] != out.splitlines()[2].removesuffix(", 2 at once")
