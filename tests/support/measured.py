"""Outcomes as the content of their file: plain data with the fixed keys, for tests that hold the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gameday import analysis
from gameday.analysis.model.outcome_model import Outcome


def measure(folder: Path) -> dict[str, Any]:
    """Measure a run's folder and return the content of its outcome.json."""
    return analysis.measure(folder).document()


def outcome_schema() -> dict[str, Any]:
    """Return the JSON Schema of outcome.json."""
    return Outcome.schema_of_file()
