"""The last lines of a run on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.cli.summary import lines
from runner.measure import measure
from tests.measure.folders import Story, failing, steadily, write


def last_lines(folder: Path, **ending: Any) -> str:
    story = Story().begin().deploy(18.0, 19.0).add(26.0, "run.stopped", expr="alerts > 3", values={"alerts": 4.0})
    outcome = measure(write(folder / "run", story.finish(26.0, "stopped", **ending), failing(steadily(26.0), 20, 30)))
    return "\n".join(lines(outcome, folder / "report.html"))


def test_a_stop_is_the_first_reason(tmp_path: Path) -> None:
    """With its condition, when, and the values."""
    said = last_lines(tmp_path).splitlines()
    assert said[2].strip() == 'stopped by its abort condition "alerts > 3" at 26.0 s (alerts = 4)'


@pytest.mark.parametrize(("left", "told"), [([], False), (["pid 7 (postgres)"], True)])
def test_what_is_left_comes_with_the_command_that_removes_it(tmp_path: Path, left: list[str], told: bool) -> None:
    """And only then."""
    said = last_lines(tmp_path, clean=not left, left=left)
    assert (f"to remove            gameday heal {tmp_path}" in said) is told
