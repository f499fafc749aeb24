"""Tests of reading outcomes back: files of older versions, and invalid files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday.analysis import Outcome
from gameday.analysis.model.time_models import DURATIONS, Duration
from tests.support.measured import measure
from tests.support.paths import GOLDEN

FIXED = {"verdict": "fail", "exit_status": 1, **{f"{name}_state": "not_measured" for name in DURATIONS}}
"""The keys that every version wrote, beside `schema` and `run`."""


def test_a_written_outcome_is_read_back_the_same(tmp_path: Path) -> None:
    """Reading the file gives the same model, and writing it again the same bytes."""
    outcome = Outcome.model_validate(measure(GOLDEN))
    path = tmp_path / "outcome.json"
    path.write_text(outcome.text(), encoding="utf-8")
    assert Outcome.read_file(path) == outcome
    assert Outcome.read_file(path).text() == outcome.text()


def test_keys_that_an_older_version_lacks_are_unknown() -> None:
    """A file with only the first version's keys is read; its missing keys are null."""
    old = {"schema": "gameday/outcome/v1", "run": {"id": "r", "scenario": "s"}, **FIXED}
    for document in (old, {**old, "quiet": None, "audit": None, "detection": None, "reasons": None}):
        outcome = Outcome.read_data(document, "outcome.json")
        assert (outcome.quiet.seconds, outcome.audit.lost, outcome.detection.ratio) == (None, None, None)
        assert outcome.duration("ttr") == Duration("not_measured")
        assert (outcome.reasons, outcome.operations) == ((), ())


def test_keys_of_a_newer_version_are_ignored() -> None:
    """Unknown keys are ignored, also in parts."""
    document = measure(GOLDEN)
    newer = {**document, "culprits": [{"change": "c1"}], "clocks": {**document["clocks"], "noticed": 3.0}}
    assert Outcome.read_data(newer, "outcome.json").document() == document


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ttr_state": None}, "ttr_state: Field required"),
        ({"verdict": "maybe"}, "verdict: Input should be 'pass', 'fail', 'inconclusive' or 'error'"),
        ({"clocks": {"effect": "soon"}}, "clocks.effect: Input should be a valid number"),
    ],
)
def test_a_damaged_outcome_names_the_key(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    """The error names the file and the first key that is wrong."""
    path = tmp_path / "outcome.json"
    path.write_text(json.dumps({**measure(GOLDEN), **changed}), encoding="utf-8")
    with pytest.raises(ValueError, match="isn't gameday/outcome/v1") as error:
        Outcome.read_file(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
