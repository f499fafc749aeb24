"""Python API: scenarios loaded and validated, outcomes read, clocks that explain themselves, runs compared."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import gameday
from gameday.analysis import Outcome
from gameday.api import python_api
from gameday.execution import trial
from tests.support.measured import measure
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import GOLDEN, SOURCE_PATH


@pytest.fixture(scope="module")
def outcome() -> Mapping[str, Any]:
    """Return the outcome of the recorded run in tests/golden."""
    return measure(GOLDEN)


def write(folder: Path, outcome: Mapping[str, Any], **changed: Any) -> Path:
    """Write a folder that holds the outcome with some keys changed; return the folder."""
    folder.mkdir(parents=True)
    (folder / "outcome.json").write_text(json.dumps({**outcome, **changed}), encoding="utf-8")
    return folder


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import gameday` loads neither pydantic nor numpy; its names are loaded when first used."""
    code = (
        "import sys, gameday; print('pydantic' in sys.modules, 'numpy' in sys.modules); gameday.load_scenario"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": SOURCE_PATH},
    )
    assert run.stdout.split() == ["False", "False"]
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        _ = gameday.runs


def test_every_exported_name_exists() -> None:
    """What the package lists is what the module of the API has."""
    assert sorted(gameday.__all__) == sorted(python_api.__all__)
    assert nonempty_all(hasattr(gameday, name) for name in gameday.__all__)
    assert set(gameday.__all__) <= set(dir(gameday))


def test_a_scenario_is_loaded_with_overrides() -> None:
    """A library scenario is found by name, and `overrides` are those of `--set`."""
    scenario = gameday.load_scenario("bad-deploy-pricing", overrides={"load.rate": "90/s"})
    assert (scenario.name, scenario.load.rate) == ("bad-deploy-pricing", 90.0)
    with pytest.raises(gameday.Invalid, match="lode"):
        gameday.load_scenario("bad-deploy-pricing", overrides={"lode.rate": "90/s"})


def test_validation_returns_every_problem_at_its_place(tmp_path: Path) -> None:
    """Problems have file, line and column; a valid scenario has none."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "apiVersion: gameday/v1\nkind: Scenario\nname: bad\nhold: ten\nrate: 3\n", encoding="utf-8"
    )
    problems = gameday.validate_scenario(file)
    assert {(problem.file, problem.line) for problem in problems} >= {(str(file), 4), (str(file), 5)}
    assert gameday.validate_scenario("bad-deploy-pricing") == ()


def test_an_outcome_is_read_back(tmp_path: Path, outcome: Mapping[str, Any]) -> None:
    """A result gives verdict, reasons, clocks, audit and the path of the report."""
    result = gameday.read_outcome(write(tmp_path / "run", outcome))
    assert result.verdict == outcome["verdict"]
    assert result.passed is (outcome["exit_status"] == 0)
    assert result.ttr_s == outcome["ttr_s"]
    assert result.ttd_s.state == "measured"
    assert result.audit.lost == outcome["audit"]["lost"]
    assert result.report == tmp_path / "run/report.html"
    assert "report" in repr(result)


def test_a_censored_clock_is_infinite(tmp_path: Path, outcome: Mapping[str, Any]) -> None:
    """A run that never recovered is over every limit, and its clock says so."""
    folder = write(tmp_path / "run", outcome, ttr_s=None, ttr_state="censored")
    ttr = gameday.read_outcome(folder).ttr_s
    assert math.isinf(ttr)
    assert not ttr < 10_000
    assert repr(ttr) == f"<TTR censored: time to recover, effect to recovered; report {folder}/report.html>"


def test_a_clock_without_a_measurement_meets_no_limit(tmp_path: Path, outcome: Mapping[str, Any]) -> None:
    """A clock that wasn't measured is neither under nor over a limit."""
    folder = write(tmp_path / "run", outcome, tta_s=None, tta_state="not_measured")
    tta = gameday.read_outcome(folder).tta_s
    assert not tta < 5
    assert not tta >= 5
    assert "TTA not measured" in repr(tta)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "isn't valid JSON"),
        ("[" * 100_000, "isn't valid JSON"),
        ("[]", "isn't an outcome"),
        ('{"schema": 3}', "isn't an outcome"),
    ],
)
def test_a_damaged_outcome_is_a_located_error(tmp_path: Path, content: str, message: str) -> None:
    """A file that isn't an outcome is refused with its path and the command that makes it again."""
    (tmp_path / "outcome.json").write_text(content, encoding="utf-8")
    with pytest.raises(gameday.Invalid, match=message) as error:
        gameday.read_outcome(tmp_path)
    assert str(tmp_path / "outcome.json") in str(error.value)
    assert "gameday report" in str(error.value)


def test_a_folder_without_an_outcome_is_refused(tmp_path: Path) -> None:
    """The message names the file that is missing."""
    with pytest.raises(gameday.Invalid, match=r"outcome\.json: can't be read: No such file"):
        gameday.read_outcome(tmp_path)


def test_a_matrix_needs_a_variant(tmp_path: Path) -> None:
    """A scenario with a matrix is several runs: the names of its variants are in the message."""
    with pytest.raises(gameday.Invalid, match="name a variant: with"):
        gameday.run_scenario("payments-slow", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_gets_its_arguments(
    tmp_path: Path, outcome: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario, seed, overrides, responder and folder reach the trial; the result lies in the run's folder."""
    calls: list[tuple[Any, ...]] = []

    def play(given: trial.Trial, options: trial.Options, out: Path, *rest: Any) -> Outcome:
        calls.append((given.scenario.respond.by, given.scenario.load.rate, given.seed, given.substrate, out))
        return Outcome.model_validate(outcome)

    monkeypatch.setattr(trial, "play", play)
    result = gameday.run_scenario(
        "bad-deploy-pricing",
        substrate="process",
        out=tmp_path / "runs",
        seed=7,
        overrides={"load.rate": "90/s"},
        responder="none",
    )
    assert calls == [("none", 90.0, 7, "process", tmp_path / "runs")]
    assert result.folder == tmp_path / "runs" / outcome["run"]["id"]


def test_two_folders_of_runs_are_compared(tmp_path: Path, outcome: Mapping[str, Any]) -> None:
    """Ten slower trials against ten are a regression; the same runs against themselves aren't one."""
    for number in range(10):
        run = dict(outcome["run"])
        write(tmp_path / f"base/{number}", outcome, run={**run, "id": f"b{number}"}, ttr_s=5 + number / 10)
        write(tmp_path / f"new/{number}", outcome, run={**run, "id": f"n{number}"}, ttr_s=9 + number / 10)
    comparison = gameday.compare_runs(tmp_path / "base", tmp_path / "new")
    assert comparison.regressed
    assert comparison.reasons
    assert not gameday.compare_runs(tmp_path / "base", tmp_path / "base").regressed
    with pytest.raises(gameday.Invalid, match="doesn't exist"):
        gameday.compare_runs(tmp_path / "base", tmp_path / "nowhere")
