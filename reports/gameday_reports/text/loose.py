"""Values from files that may lack anything: each reader returns the type asked for, or None or
empty. Never raises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def pick(data: Any, *keys: str) -> Any:
    """Return `data[k1][k2]…`, or None if any step is missing or isn't a mapping."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def number(value: Any) -> float | None:
    """Return a finite number; None for anything else (text, true/false, NaN)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def text(value: Any) -> str:
    """Return text, empty for null. Lists are joined by commas, mappings become `key: value` pairs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {text(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def person(value: Any) -> str:
    """Return a role and its level as 'code owner, senior'; anything else as `text` does."""
    if isinstance(value, Mapping):
        return ", ".join(text(value[key]) for key in ("role", "level") if value.get(key)) or text(value)
    return text(value)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> Sequence[Any]:
    """Return the items of a list; empty for anything else."""
    return value if isinstance(value, list | tuple) else ()


def rows(value: Any) -> Sequence[Mapping[str, Any]]:
    """Return the mappings in a list; empty for anything else."""
    return [row for row in items(value) if isinstance(row, Mapping)]
