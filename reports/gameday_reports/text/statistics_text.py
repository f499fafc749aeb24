"""Amounts of comparisons and trials in words; infinite ones are stored as "Infinity" and
"-Infinity".

An infinite time never came. `formatting` handles plain numbers.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal, Protocol

from gameday_reports.text.formatting import percent
from gameday_reports.text.formatting import seconds as plain_seconds
from gameday_reports.text.loose import items, number

Unit = Literal["seconds", "ratio"]

NOT_KNOWN = "not known"
INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}
LEAST_P = 0.0001


def amount(value: Any) -> float | None:
    """Return a number, perhaps infinite; None for anything else."""
    if isinstance(value, str):
        return INFINITE.get(value)
    if isinstance(value, float) and math.isinf(value):
        return value
    return number(value)


def ends(value: Any) -> tuple[float, float] | None:
    """Return both ends of an interval, perhaps infinite; None if one is missing."""
    values = [amount(item) for item in items(value)]
    return (
        (values[0], values[1])
        if len(values) == 2 and values[0] is not None and values[1] is not None
        else None
    )


def format_amount(value: Any, unit: Unit = "seconds") -> str:
    """Return '1.80 s', '3.2 %', 'never' or 'not known'."""
    quantity = amount(value)
    if quantity is None:
        return NOT_KNOWN
    if math.isinf(quantity):
        return "never" if quantity > 0 else "−∞"
    return (plain_seconds(quantity) if unit == "seconds" else percent(quantity)).replace("-", "−")


def change(value: Any, unit: Unit = "seconds") -> str:
    """Return a difference with its sign: '+0.62 s', '−12.0 %', '+∞', 'none' for zero, 'not known'."""
    quantity = amount(value)
    if quantity is None:
        return NOT_KNOWN
    if quantity == 0:
        return "none"
    size = "∞" if math.isinf(quantity) else format_amount(abs(quantity), unit)
    return f"{'+' if quantity > 0 else '−'}{size}"


def interval(value: Any, unit: Unit = "seconds") -> str:
    """Return '[1.60 s, never]', or nothing if there is no interval."""
    bounds = ends(value)
    return f"[{format_amount(bounds[0], unit)}, {format_amount(bounds[1], unit)}]" if bounds else ""


def change_interval(value: Any) -> str:
    """Return '[−0.10 s, +0.62 s]', or nothing if there is no interval."""
    bounds = ends(value)
    return f"[{', '.join('0 s' if bound == 0 else change(bound) for bound in bounds)}]" if bounds else ""


class Spread(Protocol):
    """A median's surroundings: an interval that covers it, of `n` values, `censored` of which never came."""

    @property
    def n(self) -> int: ...
    @property
    def censored(self) -> int: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...
    @property
    def coverage(self) -> float | None: ...


def covered(coverage: float | None, shown: str) -> str:
    """Return an interval with its coverage: '97.9 % [1.60 s, 2.30 s]'; nothing if there is none."""
    return f"{percent(coverage)} {shown}" if shown and coverage is not None else shown


def unbroken(shown: str) -> str:
    """Return the text with no place for a line break inside its brackets."""
    return re.sub(r"\[[^]]*\]", lambda bracket: bracket[0].replace(" ", "\u00a0"), shown)


def spread(summary: Spread, unit: Unit = "seconds") -> str:
    """Return the spread behind a median: '97.9 % [1.60 s, never], 10 trials, 1 of which never'."""
    if not summary.n:
        return "no trial has a value"
    parts = [covered(summary.coverage, interval(summary.interval, unit)), counted(summary.n, "trial")]
    return ", ".join(filter(None, [*parts, f"{summary.censored} of which never" if summary.censored else ""]))


def chance(value: Any) -> str:
    """Return a p-value: two significant digits, none below 0.0001."""
    quantity = number(value)
    if quantity is None:
        return NOT_KNOWN
    return f"under {LEAST_P}" if quantity < LEAST_P else f"{quantity:.2g}"


def counted(n: int, noun: str) -> str:
    """Return '1 trial', '10 trials'."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def whole(value: Any) -> int:
    """Return a count; 0 if it isn't one."""
    return int(number(value) or 0)
