"""Signals: what every alerting system says of one alert, in one form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LONGEST_LABEL = 500
"""Characters of a label's name or value that are kept."""
LATEST = 1e15
"""The largest number that is taken for a time: milliseconds in the year 33,000."""
MOST_ALERTS = 1000
"""Alerts of one payload, at most."""


@dataclass(frozen=True)
class Signal:
    """One alert as its sender tells of it. `key` is its identity; `starts_at` is in epoch seconds of the sender's clock."""

    key: str
    firing: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    starts_at: float | None = None
    summary: str = ""

    @property
    def name(self) -> str:
        """Return the name of the rule; "" if it has none."""
        return self.labels.get("alertname", "")


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a payload. Raise ValueError if it isn't JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {type(error).__name__}") from error


def items(value: Any, what: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects. Raise ValueError if `value` isn't one, or is too long."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{what} isn't a list of objects")
    if len(value) > MOST_ALERTS:
        raise ValueError(f"{what} has {len(value)} items; at most {MOST_ALERTS} are taken")
    return value


def texts(value: Any) -> dict[str, str]:
    """Return the labels or annotations of an alert, as text; empty if there are none."""
    if not isinstance(value, dict):
        return {}
    return {
        str(key)[:LONGEST_LABEL]: str(text)[:LONGEST_LABEL]
        for key, text in value.items()
        if isinstance(text, str | int | float)
    }


def epoch(value: Any) -> float | None:
    """Return a time in epoch seconds: RFC 3339, or a number of seconds or milliseconds. None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not -LATEST < value < LATEST:  # NaN isn't, either
            return None
        return float(value) / 1000 if value > 1e11 else float(value)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    if moment.year < 1971:  # Go's zero time means never
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
