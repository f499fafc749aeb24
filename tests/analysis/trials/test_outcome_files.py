"""Tests of reading a side of a comparison from any kind of folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.trials.outcome_files import load_side
from tests.support.outcomes import outcome


def put(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "outcome.json").write_text(json.dumps(content), encoding="utf-8")


def test_a_run_is_a_side_of_one_trial(tmp_path: Path) -> None:
    """A run's folder, or its outcome file, is a side of one trial."""
    put(tmp_path / "run", outcome("r1", "a"))
    for path in (tmp_path / "run", tmp_path / "run" / "outcome.json"):
        assert [one.run.id for one in load_side(path)["a"]] == ["r1"]


def test_a_tree_is_sorted_by_scenario_and_path(tmp_path: Path) -> None:
    """Every outcome below the folder is read, at any depth, and listed under its scenario."""
    for place, run, scenario in [("s/b/2", "r2", "b"), ("s/b/1", "r1", "b"), ("s/a", "r3", "a")]:
        put(tmp_path / place, outcome(run, scenario))
    (tmp_path / "s" / "trials.json").write_text("{}", encoding="utf-8")
    side = load_side(tmp_path / "s")
    assert {name: [one.run.id for one in outcomes] for name, outcomes in side.items()} == {
        "a": ["r3"],
        "b": ["r1", "r2"],
    }


def test_a_copy_is_no_second_trial(tmp_path: Path) -> None:
    """A copy of a run in the tree doesn't count."""
    for place in ("original", "copy"):
        put(tmp_path / place, outcome("r1", "a"))
    assert len(load_side(tmp_path)["a"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "can't be read"),
        ("[]", "isn't gameday/outcome/v1"),
        ('{"schema": "gameday/trials/v1"}', "isn't gameday/outcome/v1"),
        ('{"schema": "gameday/outcome/v1", "run": {"id": "r"}}', "run.scenario: Field required"),
    ],
)
def test_an_invalid_outcome_is_named(tmp_path: Path, text: str, message: str) -> None:
    """An invalid file is an error that names it, not a missing trial."""
    (tmp_path / "outcome.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as error:
        load_side(tmp_path)
    assert str(tmp_path / "outcome.json") in str(error.value)


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    """An empty or missing folder is an error."""
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"no outcome\.json"):
            load_side(path)
