"""Data of a scenario's own journeys: the rows of a CSV file, or of a JSON file with a list of objects."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gameday.scenario import Scenario

MOST_BYTES = 10_000_000
MOST_ROWS = 100_000

Rows = tuple[Mapping[str, Any], ...]


def read_rows(path: Path) -> Rows:
    """Return the rows of a data file. Raise ValueError, whose text says what is wrong, if it can't be used."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path} is over {MOST_BYTES:,} bytes long")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} isn't UTF-8") from error
    rows = _from_json(text, path) if path.suffix == ".json" else _from_csv(text, path)
    if not rows:
        raise ValueError(f"{path} has no rows")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{path} has {len(rows):,} rows; at most {MOST_ROWS:,}")
    return rows


def rows_of(scenario: Scenario) -> dict[str, Rows]:
    """Return journey → rows, of each journey that has data. Raise ValueError if a file can't be used."""
    return {
        name: read_rows(Path(journey.data)) for name, journey in scenario.journeys.items() if journey.data
    }


def _from_json(text: str, path: Path) -> Rows:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} isn't JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} must hold a list of objects")
    return tuple(rows)


def _from_csv(text: str, path: Path) -> Rows:
    try:
        rows = tuple(csv.DictReader(text.splitlines(), strict=True))
    except csv.Error as error:
        raise ValueError(f"{path} isn't CSV: {error}") from error
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ValueError(f"{path}: line {number} has another number of columns than the first line")
    return rows
