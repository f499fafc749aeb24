"""Words for errors of pydantic, for people who needn't know pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WANTED = (
    (
        ("model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"),
        "a mapping of keys",
    ),
    (("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    (("string_type",), "text"),
    (("int_type", "int_parsing", "int_from_float"), "a whole number"),
    (("float_type", "float_parsing", "finite_number"), "a number"),
    (("bool_type", "bool_parsing"), "true or false"),
    (("none_required",), "left empty"),
)
_BOUNDS = {
    "greater_than": "over {gt:.12g}",
    "greater_than_equal": "at least {ge:.12g}",
    "less_than": "under {lt:.12g}",
    "less_than_equal": "at most {le:.12g}",
}
_LENGTHS = {
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "too_long": "has {actual_length} items; at most {max_length} are allowed",
    "string_too_long": "is longer than {max_length} characters",
}

_PATTERNS = {r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$": "lower-case words joined by dashes: slow-checkout"}


def describe_error(kind: str, value: Any, context: Mapping[str, Any]) -> str:
    """Return words for an error of pydantic of this kind; empty if pydantic's own message will do."""
    if kind in _LENGTHS:
        return _LENGTHS[kind].format(**context)
    wanted = next((words for kinds, words in _WANTED if kind in kinds), "")
    if kind in _BOUNDS:
        wanted = _BOUNDS[kind].format(**context)
    return f"must be {wanted}, not {_show(value)}" if wanted else ""


def describe_pattern(pattern: str) -> str:
    """Return a hint for a text that doesn't match: words if the pattern is that of names."""
    return _PATTERNS.get(pattern, f"must match {pattern}")


def _show(value: Any) -> str:
    """Return a value of a file in a few words."""
    if value is None:
        return "empty"
    if isinstance(value, dict | list | tuple):
        return "a mapping of keys" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
