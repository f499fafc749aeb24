"""Reads request bodies the way the real server does, so that the same clients are accepted and refused.

The first JSON value counts and what follows it is ignored; field names match in any case; `null` leaves a field at its
default; unknown fields are ignored; a wrong type is a 400.
"""

from __future__ import annotations

import json
from typing import NoReturn

from gameday.links.server.api_errors import bad_body

_INT64 = 1 << 63


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def decode(body: bytes | bytearray) -> object:
    """Return the first JSON value of `body`. Raise ApiError 400 if there is none."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise bad_body("EOF")
    try:
        return _DECODER.raw_decode(text)[0]
    except RecursionError:
        raise bad_body("exceeded max depth") from None
    except ValueError as error:
        raise bad_body(str(error)) from None


class Fields:
    """The fields of one JSON object, read by name with a default each."""

    def __init__(self, value: object) -> None:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise bad_body(f"json: cannot unmarshal {_kind(value)} into an object")
        self._values = {str(name).lower(): field for name, field in value.items()}

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _mismatch(value, name, "string")
        # A lone surrogate can't be written anywhere again; the real server replaces it as well.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def flag(self, name: str, default: bool) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise _mismatch(value, name, "bool")
        return value

    def number(self, name: str, default: float) -> float:
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _mismatch(value, name, "float32")
        return _finite(value, name)

    def integer(self, name: str, default: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
            raise _mismatch(value, name, "int64")
        return value

    def nested(self, name: str) -> Fields:
        return Fields(self._values.get(name))


def _finite(value: int | float, name: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise _mismatch(value, name, "float32") from None
    if number in (float("inf"), float("-inf")):
        raise _mismatch(value, name, "float32")
    return number


def _mismatch(value: object, name: str, wanted: str) -> Exception:
    return bad_body(f"json: cannot unmarshal {_kind(value)} into field {name} of type {wanted}")


def _kind(value: object) -> str:
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")
