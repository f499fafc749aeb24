"""`gameday prune`: what it says, what it removes, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gameday.cli import gameday
from gameday.execution import database_template

OLD, NEW = "20200101-000000-aaaa", "20990101-000000-bbbb"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(database_template, "run_seed", lambda *arguments: "now")
    for name in (OLD, NEW):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "journal.jsonl").write_text("x" * 200_000, encoding="utf-8")
    (tmp_path / "cache" / "gameday" / "template-old").mkdir(parents=True)
    return tmp_path / "runs"


def prune(*arguments: object) -> Result:
    return CliRunner().invoke(gameday, ["prune", *map(str, arguments)], standalone_mode=False)


def test_a_dry_run_says_what_would_be_freed(runs: Path) -> None:
    """`--dry-run` names each folder and the sum, and removes nothing."""
    result = prune(runs, "--keep", "30d", "--dry-run")
    assert f"{runs / OLD}" in result.stdout
    assert "0.2 MB would be freed: 1 of 2 runs and suites, 1 of the cache" in result.stdout
    assert (runs / OLD).is_dir()


@pytest.mark.parametrize("keep", ["30d", "1"])
def test_old_runs_and_stale_templates_are_removed(runs: Path, keep: str) -> None:
    """What is kept stays; the command exits with 0."""
    result = prune(runs, "--keep", keep)
    assert result.return_value == 0
    assert [path.name for path in runs.iterdir()] == [NEW]
    assert list((runs.parent / "cache" / "gameday").iterdir()) == []


def test_the_cache_can_be_left_alone(runs: Path) -> None:
    """`--no-cache` leaves the cache."""
    prune(runs, "--keep", "0", "--no-cache")
    assert [path.name for path in (runs.parent / "cache" / "gameday").iterdir()] == ["template-old"]


def test_what_cannot_be_removed_is_reported(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that can't be removed is named on standard error, and the status is 5."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuse)
    result = prune(runs, "--keep", "30d", "--no-cache")
    assert result.return_value == 5
    assert f"{OLD}: Permission denied" in result.stderr


@pytest.mark.parametrize(
    ("keep", "why"), [("month", "isn't a duration"), ("-1", "isn't a duration"), ("", "isn't a duration")]
)
def test_what_to_keep_is_a_number_or_a_time(runs: Path, keep: str, why: str) -> None:
    """Anything else is a usage error."""
    assert why in str(prune(runs, "--keep", keep).exception)


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """A missing folder is named."""
    assert "can't be listed" in str(prune(tmp_path / "none", "--keep", "3").exception)
