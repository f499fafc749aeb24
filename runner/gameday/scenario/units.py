"""Durations, rates and ratios as people write them, with their unit."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
DURATION = rf"^{_NUMBER}(?:us|ms|s|m|min|h|d)$"
RATE = rf"^{_NUMBER}/(?:s|min|m|h)$"
LONGEST = 86_400.0
RATIO = rf"^{_NUMBER}%$"


def seconds(value: Any) -> float:
    """Return '10s', '300ms', '2m' or '1h' in seconds. Raise ValueError 'message\\nhint' for anything else."""
    match = re.fullmatch(rf"({_NUMBER})([a-z]+)", str(value))
    if not match or match[2] not in _SECONDS or isinstance(value, bool):
        raise ValueError(f"{value!r} isn't a duration\nwrite a number and its unit: 300ms, 10s, 5m, 1h")
    return float(match[1]) * _SECONDS[match[2]]


def within_a_day(value: float) -> float:
    """Return a duration in seconds. Raise ValueError if it is over a day."""
    if value > LONGEST:
        raise ValueError("is over a day")
    return value


def per_second(value: Any) -> float:
    """Return a rate such as '60/s' or '300/min' per second. Raise ValueError for anything else."""
    match = re.fullmatch(rf"({_NUMBER})\s*/\s*(s|min|m|h)", str(value))
    if not match:
        raise ValueError(f"{value!r} isn't a rate\nwrite a number per unit of time: 60/s, 300/min")
    return float(match[1]) / _SECONDS[match[2]]


def ratio(value: Any) -> float:
    """Return a percentage such as '99.5%' as 0.995. Raise ValueError for anything else."""
    match = re.fullmatch(rf"({_NUMBER})\s*%", str(value))
    if not match:
        raise ValueError(f"{value!r} isn't a ratio\nwrite a percentage: 99.5%")
    if not 0 <= float(match[1]) <= 100:
        raise ValueError(f"{value!r} isn't between 0% and 100%")
    return round(float(match[1]) / 100, 12)


def show_seconds(value: float) -> str:
    """Return the shortest exact spelling of a duration: 0.3 → '300ms', 90 → '90s'."""
    if value and value < 1:
        return f"{value * 1000:.12g}ms"
    return f"{value:.12g}s"


def show_ratio(value: float) -> str:
    """Return a ratio as a percentage: 0.995 → '99.5%'."""
    return f"{value * 100:.12g}%"


Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    PlainSerializer(show_seconds, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["10s", "300ms"]}),
]


def lasting(value: float) -> float:
    """Return a duration in seconds. Raise ValueError if it is 0 or over a day."""
    if value <= 0:
        raise ValueError("must be over 0")
    return within_a_day(value)


Within = Annotated[Seconds, AfterValidator(within_a_day)]
"""A duration of at most a day."""

Lasting = Annotated[Seconds, AfterValidator(lasting)]
"""A duration of over 0 and at most a day."""

PerSecond = Annotated[
    float,
    BeforeValidator(per_second),
    PlainSerializer(lambda v: f"{v:.12g}/s", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": RATE, "examples": ["60/s"]}),
]
Ratio = Annotated[
    float,
    BeforeValidator(ratio),
    PlainSerializer(show_ratio, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": RATIO, "examples": ["99.5%"]}),
]
