"""Old runs and stale caches: what is chosen, what stays, and what is never touched."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gameday.execution import active_runs
from gameday.execution.disk_use.old_entries import DiskEntry, cache_entries, choose, run_entries
from gameday.reaper.runner_claim import claim

NAMES = ("20260101-000000-aaaa", "20260201-000000-bbbb-suite", "20260301-000000-cccc")
NOW = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two runs, a suite with a run, and things that aren't gameday's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "runs"
    for path in (NAMES[0], f"{NAMES[1]}/x/20260201-000001-dddd", NAMES[2]):
        (folder / path).mkdir(parents=True)
        (folder / path / "journal.jsonl").write_text("x" * 5000, encoding="utf-8")
    for other in ("notes", "20260101-000000-eeee", "20251231-000000"):
        (folder / other).mkdir()
    (folder / "notes" / "journal.jsonl").touch()
    (folder / "20260101-000000-ffff").symlink_to(folder / NAMES[0])
    return folder


def names(entries: list[DiskEntry]) -> list[str]:
    return [entry.path.name for entry in entries]


def test_only_folders_of_runs_count_the_newest_first(runs: Path) -> None:
    """Names, links and contents decide; sizes are those on disk."""
    entries = run_entries(runs)
    assert names(entries) == [*reversed(NAMES)]
    assert [entry.size >= 5000 for entry in entries] == [True] * 3


@pytest.mark.parametrize(
    ("keep", "old"), [(3, ()), (1, NAMES[1::-1]), (0, NAMES[::-1]), (30 * 86400.0, NAMES[:1]), (20 * 86400.0, NAMES[1::-1])]
)  # fmt: skip
def test_runs_are_kept_by_number_or_by_age(runs: Path, keep: int | float, old: tuple[str, ...]) -> None:
    """An int keeps the newest, a float keeps what is younger."""
    if keep == 30 * 86400.0:
        old = (NAMES[0],)
    assert names(choose(run_entries(runs), keep, NOW)) == list(old)


def test_runs_in_progress_and_runs_to_heal_stay(runs: Path) -> None:
    """A run with a claim, and a run that `gameday heal` has an entry of, are never chosen."""
    entry = active_runs.Entry(
        active_runs.entry_path(NAMES[0]), active_runs.Active(NAMES[0], 0, "", str(runs / NAMES[0]))
    )
    entry.write()
    held = claim("20260201-000001-dddd")
    assert held is not None
    with held:
        entries = {one.path.name: one.kept for one in run_entries(runs)}
        assert entries[NAMES[0]] == f"left something behind: gameday heal {NAMES[0]}"
        assert entries[NAMES[1]] == "in progress"
        assert names(choose(run_entries(runs), 0, NOW)) == [NAMES[2]]


def test_removing_follows_no_link(runs: Path, tmp_path: Path) -> None:
    """A link inside a run folder is removed, and what it leads to stays."""
    (tmp_path / "dear").mkdir()
    (runs / NAMES[0] / "link").symlink_to(tmp_path / "dear")
    run_entries(runs)[-1].remove()
    assert not (runs / NAMES[0]).exists()
    assert (tmp_path / "dear").is_dir()


def test_the_cache_keeps_the_present_template(tmp_path: Path) -> None:
    """Other templates, their lists and abandoned work are stale; the present template and work in progress are not."""
    for name in ("template-now", "template-old", ".template-now-busy", ".template-now-left", "wheels-1"):
        (tmp_path / name).mkdir()
    for name in ("template-now.files", "template-old.files"):
        (tmp_path / name).touch()
    long_ago = time.time() - 2 * 3600
    os.utime(tmp_path / ".template-now-left", (long_ago, long_ago))
    stale = [entry.path.name for entry in cache_entries(tmp_path, "now")]
    assert stale == [".template-now-left", "template-old", "template-old.files"]
    assert list(cache_entries(tmp_path / "none", "now")) == []
