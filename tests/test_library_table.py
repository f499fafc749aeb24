"""The table of the library: a row for each run, with or without an outcome, and the commits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.measured import measure

HERE = Path(__file__).parent
TABLE = HERE.parent / "scripts" / "table"


@pytest.fixture(scope="module")
def outcome() -> dict[str, object]:
    return measure(HERE / "golden")


def lay(folder: Path, outcome: dict[str, object], *runs: tuple[str, bool, str]) -> None:
    """Write a folder of runs: (scenario, whether it left an outcome, commit)."""
    with (folder / "made.jsonl").open("w") as file:
        for number, (name, left, commit) in enumerate(runs):
            noted = {"scenario": name, "substrate": "process", "status": 0 if left else 4, "told": left}
            file.write(json.dumps(noted | {"commit": commit}) + "\n")
            if left:
                run = {**outcome["run"], "scenario": name, "substrate": "process"}  # type: ignore[dict-item]
                (folder / str(number)).mkdir()
                (folder / str(number) / "outcome.json").write_text(json.dumps({**outcome, "run": run}))


def tell(folder: Path) -> tuple[int, str]:
    """Return the script's exit status and the page that it wrote."""
    kept = folder / "page.md"
    status = subprocess.run(
        [sys.executable, TABLE, "--from", folder, "--keep", kept], capture_output=True
    ).returncode
    return status, kept.read_text()


def test_a_run_that_left_nothing_has_a_row(tmp_path: Path, outcome: dict[str, object]) -> None:
    """The row says so, and the table's exit status is that of an error."""
    lay(tmp_path, outcome, ("quiet", True, "abc"), ("surge", False, "abc"))
    status, page = tell(tmp_path)
    assert status == 4
    assert "| surge | process | no outcome, exit status 4 | –" in page
    assert "| quiet | process | " in page
    assert "by the code of one commit, abc:" in page


def test_a_repeated_run_replaces_the_earlier_one(tmp_path: Path, outcome: dict[str, object]) -> None:
    """The table has only the latest run of a scenario, and its commit."""
    lay(tmp_path, outcome, ("surge", False, "abc"), ("surge", True, "bcd"), ("surge", True, "def"))
    status, page = tell(tmp_path)
    assert status == outcome["exit_status"]
    assert "no outcome" not in page
    assert "by the code of one commit, def:" in page


def test_several_commits_are_named(tmp_path: Path, outcome: dict[str, object]) -> None:
    """A variant has its scenario's commit; a run without a note has none."""
    lay(tmp_path, outcome, ("surge", True, "abc"), ("payments-slow-with", True, "def"), ("quiet", True, ""))
    notes = (tmp_path / "made.jsonl").read_text().replace("payments-slow-with", "payments-slow")
    (tmp_path / "made.jsonl").write_text(notes)
    assert "by the code of several commits, one that isn't noted, abc, def:" in tell(tmp_path)[1]
