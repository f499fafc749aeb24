"""Units that only faults have: sizes, speeds, counts, and durations that a link server counts in
milliseconds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from gameday.scenario.units import Ratio, Within

_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = r"([0-9]+(?:\.[0-9]+)?)(B|KB|MB|GB|KiB|MiB|GiB)"
_LARGEST = 10**12


def size(value: Any) -> int:
    """Return the bytes of a size such as '64MiB'. Raise ValueError ('message\\nhint') if it isn't one."""
    match = re.fullmatch(_SIZE, str(value))
    if not match:
        raise ValueError(f"{value!r} isn't a size\nwrite a number and its unit: 512B, 64KB, 256MiB")
    number = round(float(match[1]) * _BYTES[match[2]])
    if number > _LARGEST:
        raise ValueError(f"{value!r} is over a terabyte")
    return number


def speed(value: Any) -> int:
    """Return the kilobytes a second, at least 1, of a speed such as '64KB/s'.

    Raise ValueError ('message\\nhint') if it isn't one.
    """
    amount, slash, second = str(value).partition("/")
    if not re.fullmatch(_SIZE, amount) or (slash, second) != ("/", "s"):
        raise ValueError(f"{value!r} isn't a speed\nwrite a size a second: 64KB/s, 2MB/s")
    rate = round(size(amount) / 1000)
    if rate < 1:
        raise ValueError(f"{value!r} is under 1KB/s\nto drop all data, use link.timeout")
    return rate


def show_size(value: int) -> str:
    """Return the size as text, in the largest unit that leaves a whole number."""
    units = sorted(_BYTES, key=lambda unit: -_BYTES[unit])
    unit = next((unit for unit in units if value and value % _BYTES[unit] == 0), "B")
    return f"{value // _BYTES[unit]}{unit}"


def count(value: Any) -> int | Literal["all"]:
    """Return a whole number of at least 1, or 'all'. Raise ValueError ('message\\nhint') if it is neither."""
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{value!r} isn't a count\na whole number from 1, or all")


def _at_least(least: int) -> Any:
    def check(value: int) -> int:
        if value < least:
            raise ValueError(f"must be at least {show_size(least)}")
        return value

    return AfterValidator(check)


def _whole(value: float) -> float:
    if 0 < value < 0.001:
        raise ValueError("is under a millisecond\nlink servers count in milliseconds")
    return value


def _some(value: float) -> float:
    if value <= 0:
        raise ValueError("must be over 0")
    return value


Millis = Annotated[Within, AfterValidator(_whole)]
"""Seconds; 0, or at least a millisecond."""

Delay = Annotated[Millis, AfterValidator(_some)]
"""Seconds; at least a millisecond."""

Share = Annotated[Ratio, AfterValidator(_some)]
"""Share of connections or requests, over 0."""

Size = Annotated[
    int,
    BeforeValidator(size),
    PlainSerializer(show_size, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}$", "examples": ["64KB", "256MiB"]}),
]
Some = Annotated[Size, _at_least(1)]
"""Bytes; at least one."""

Memory = Annotated[Size, _at_least(2**20)]
"""Bytes; at least a mebibyte, in which a process can start."""

Speed = Annotated[
    int,
    BeforeValidator(speed),
    PlainSerializer(lambda v: f"{v}KB/s", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE}/s$", "examples": ["64KB/s"]}),
]
Count = Annotated[
    int | Literal["all"],
    PlainValidator(count),
    WithJsonSchema({"oneOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]}),
]


def milliseconds(seconds: float, level: float = 1.0) -> int:
    """Return a whole number, at least 1 if the value is over 0."""
    return max(1, round(seconds * level * 1000)) if seconds else 0
