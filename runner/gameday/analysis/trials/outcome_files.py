"""Outcomes on disk: every one at or below a folder, by scenario; a side of a comparison."""

from __future__ import annotations

from pathlib import Path

from gameday.analysis.model.outcome_model import Outcome

FILE = "outcome.json"


def load_side(path: Path) -> dict[str, list[Outcome]]:
    """Return scenario → its outcomes, in order of their paths: every `outcome.json` at or below `path`.

    A run counts once, however many copies of it there are. Raise ValueError if there is none, or if one can't be read.
    """
    side: dict[str, list[Outcome]] = {}
    for outcome in outcomes_by_folder(path).values():
        side.setdefault(outcome.run.scenario, []).append(outcome)
    return dict(sorted(side.items()))


def outcomes_by_folder(path: Path) -> dict[Path, Outcome]:
    """Return the folder of each run at or below `path` with its outcome. Raise ValueError as `load_side` does."""
    runs: dict[Path, Outcome] = {}
    seen: set[str] = set()
    for file in [path] if path.is_file() else sorted(path.rglob(FILE)):
        outcome = Outcome.read_file(file)
        if outcome.run.id not in seen:
            seen.add(outcome.run.id)
            runs[file.parent] = outcome
    if not runs:
        raise ValueError(f"{path}: no {FILE} there or below")
    return runs
