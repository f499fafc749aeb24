"""Folders of runs, suites and trials by age, and data in the cache that no present version uses."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gameday.execution import active_runs
from gameday.execution.database_template import PREFIX, listing
from gameday.reaper.runner_claim import claimed

NAME = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{4}(?:-.+)?", re.ASCII)
"""Names of run folders, and of the folders of suites, trials, matrices and drills."""
RESULTS = ("journal.jsonl", "outcome.json", "suite.json", "trials.json", "matrix.json", "drill.html")
ABANDONED_S = 3600.0
"""Age from which an unfinished template belongs to nobody."""


@dataclass(frozen=True)
class DiskEntry:
    """A folder or a file that can be removed. `kept`: why it has to stay, "" if it needn't; `began`: seconds since 1970."""

    path: Path
    size: int
    began: float
    kept: str = ""

    def remove(self) -> None:
        """Remove it, following no link. Raise OSError."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink()


def run_entries(folder: Path) -> list[DiskEntry]:
    """Return the folders of runs and suites directly in a folder, the newest first. Raise OSError if it can't be listed.

    Only real folders with such a name and a result or a journal in them count: nothing else is ever removed.
    """
    paths = [
        path
        for path in folder.iterdir()
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink() and _runs_in(path)
    ]
    return [
        DiskEntry(path, size_of(path), _began(path), _why_kept(path))
        for path in sorted(paths, key=lambda path: path.name, reverse=True)
    ]


def choose(entries: Sequence[DiskEntry], keep: int | float, now: float) -> list[DiskEntry]:
    """Return the entries to remove: all but the newest `keep` (an int), or those older than `keep` seconds (a float)."""
    old = entries[keep:] if isinstance(keep, int) else [one for one in entries if now - one.began > keep]
    return [entry for entry in old if not entry.kept]


def cache_entries(cache: Path, key: str) -> Iterator[DiskEntry]:
    """Yield templates of other versions than `key`'s, and unfinished ones that nobody works on any more."""
    current = cache / f"{PREFIX}{key}"
    for path in sorted(cache.glob(f"*{PREFIX}*")) if cache.is_dir() else ():
        if path in (current, listing(current)):
            continue
        began = path.lstat().st_mtime
        if path.name.startswith(PREFIX) or time.time() - began > ABANDONED_S:
            yield DiskEntry(path, size_of(path), began)


def size_of(path: Path) -> int:
    """Return the bytes that a file, or all files below a folder, take on disk."""
    files: Iterable[str] = [str(path)]
    if path.is_dir() and not path.is_symlink():
        files = (os.path.join(root, name) for root, _, names in os.walk(path) for name in names)  # noqa: PTH118
    total = 0
    for file in files:
        try:
            total += os.lstat(file).st_blocks * 512
        except OSError:  # removed meanwhile
            continue
    return total


def _runs_in(path: Path) -> list[Path]:
    """Return the folder and the run folders in it that have a result or a journal."""
    inside = [one for one in path.glob("*/*") if NAME.fullmatch(one.name)]
    folders = [path, *(one for one in path.iterdir() if NAME.fullmatch(one.name)), *inside]
    return [one for one in folders if any((one / name).is_file() for name in RESULTS)]


def _began(path: Path) -> float:
    match = NAME.fullmatch(path.name)
    try:
        return datetime.strptime(match[1] if match else "", "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return path.lstat().st_mtime


def _why_kept(path: Path) -> str:
    """Return why a folder can't be removed: a run in it is in progress, or left something that its journal knows of."""
    for run in _runs_in(path):
        if claimed(run.name):
            return "in progress"
        entry = active_runs.read(active_runs.entry_path(run.name))
        if entry is not None:
            return (
                "in progress"
                if active_runs.lives(entry)
                else f"left something behind: gameday heal {run.name}"
            )
    return ""
