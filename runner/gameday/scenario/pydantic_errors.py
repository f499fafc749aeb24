"""What pydantic finds wrong with a value, in words that need no knowledge of it."""

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


def plain(kind: str, found: Any, context: Mapping[str, Any]) -> str:
    """An error of pydantic's in words that need no knowledge of it; empty where there is nothing better to say."""
    if kind in _LENGTHS:
        return _LENGTHS[kind].format(**context)
    wanted = next((words for kinds, words in _WANTED if kind in kinds), "")
    if kind in _BOUNDS:
        wanted = _BOUNDS[kind].format(**context)
    return f"must be {wanted}, not {_shown(found)}" if wanted else ""


def _shown(found: Any) -> str:
    """A value of a file in a few words."""
    if found is None:
        return "empty"
    if isinstance(found, dict | list | tuple):
        return "a mapping of keys" if isinstance(found, dict) else "a list"
    text = str(found).lower() if isinstance(found, bool) else repr(found)
    return text if len(text) <= 40 else f"{text[:39]}…"
