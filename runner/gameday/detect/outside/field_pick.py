"""Field picks: CEL expressions of bounded cost that pick fields from the JSON of a webhook."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator

LONGEST = 200
MOST_DEPTH = 4
"""Brackets inside one another."""
_MACRO = re.compile(r"\.\s*(all|exists|exists_one|filter|map)\s*\(")
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")


def check(expression: str) -> str:
    """Return the expression. Raise ValueError if it is no CEL, or could cost much."""
    bare = _TEXT.sub('""', expression)
    if len(expression) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if _MACRO.search(bare):
        raise ValueError("may not use macros\npick one field: alert.labels")
    depth = most = 0
    for character in bare:
        depth += (character in "([{") - (character in ")]}")
        most = max(most, depth)
    if most > MOST_DEPTH or re.search(r"[!-]{3}", bare):
        raise ValueError(f"has more than {MOST_DEPTH} brackets inside one another, or signs in a row")
    compiled(expression)
    return expression


@lru_cache(maxsize=256)
def compiled(expression: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return the expression as a function of its names. Raise ValueError if it is no CEL."""
    import celpy
    from celpy.celparser import CELParseError

    environment = celpy.Environment()
    try:
        program = environment.program(environment.compile(expression))
    except CELParseError as error:
        raise ValueError(f"{expression[:80]!r} isn't a CEL expression\nfor instance: alert.labels") from error
    return program.evaluate


def pick(expression: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression as plain data; None if a field that it names is missing."""
    from celpy.adapter import json_to_cel
    from celpy.evaluation import CELEvalError

    try:
        value = compiled(expression)({name: json_to_cel(value) for name, value in names.items()})
    except (CELEvalError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a value of CEL as plain data."""
    from celpy import celtypes

    if isinstance(value, celtypes.BoolType):
        return bool(value)
    if isinstance(value, celtypes.MapType):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, celtypes.ListType):
        return [_plain(item) for item in value]
    if isinstance(value, celtypes.TimestampType):
        return value.timestamp()
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    return None if value is None else str(value)


Expression = Annotated[str, AfterValidator(check)]
