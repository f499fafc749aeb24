"""What a comparison is made of: the outcomes below a folder, by scenario, be it of a run, of trials or of a suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gameday.analysis.model.outcome_model import Outcome

FILE = "outcome.json"


def load_side(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Scenario → its outcomes, in order of their paths: every `outcome.json` at or below `path`, a run only once.

    Raises ValueError where there is none, or where one can't be read.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    seen: set[str] = set()
    for file in [path] if path.is_file() else sorted(path.rglob(FILE)):
        outcome = _read(file)
        run = outcome["run"]
        if run["id"] not in seen:  # a copy beside the original is no second trial
            seen.add(run["id"])
            found.setdefault(run["scenario"], []).append(outcome)
    if not found:
        raise ValueError(f"{path}: no {FILE} there or below")
    return dict(sorted(found.items()))


def _read(file: Path) -> dict[str, Any]:
    try:
        outcome = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: can't be read: {error}") from error
    if not isinstance(outcome, dict) or outcome.get("schema") != Outcome.NAME:
        raise ValueError(f"{file}: isn't {Outcome.NAME}")
    run = outcome.get("run")
    if not (
        isinstance(run, dict) and isinstance(run.get("id"), str) and isinstance(run.get("scenario"), str)
    ):
        raise ValueError(f"{file}: doesn't say of which run and scenario it is")
    return outcome
