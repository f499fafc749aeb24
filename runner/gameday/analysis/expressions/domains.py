"""Domains: which values a name of an expression can have, so that a comparison that can't come true is found before a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gameday.analysis.expressions.vocabulary import ABORT, AUDIT, Language, Path, type_of

ENDED_BY = ("responder", "system", "schedule", "cleanup", "")
VERDICTS = ("ok", "breach", "unknown")
SIGNED = ("first_s", "alarm_s", "ahead_client_s", "ahead_service_s")
"""Seconds that may lie before the effect."""
COUNTS = (
    *(name for name in AUDIT if not name.endswith("_s")),
    "requests",
    "failed",
    "bad",
    "wrong",
    "slow",
    "users",
    "planned",
    "achieved",
    "late",
    "not_sent",
    "attempts",
    "total",
    "refused",
    "peak",
    "sales_lost_cents",
    "false_alarms",
    "relapses",
    "alerts",
    "pages",
)


@dataclass(frozen=True)
class Domain:
    """The values of a name: texts of a closed set, or numbers from `low` to `high`, whole ones if they are counts."""

    texts: tuple[str, ...] = ()
    low: float = 0.0
    high: float = math.inf
    whole: bool = False

    @property
    def is_ratio(self) -> bool:
        return self.high == 1.0


def domain_of(path: Path, language: Language) -> Domain | None:
    """Return the domain of a number or a text; None for a boolean, a group or an unknown name."""
    kind, name = type_of(path, language.names), path[-1]
    if kind is str and language.texts is not None:
        texts = language.texts.get(name)
        return Domain(texts=texts) if texts else None
    if kind is str:
        if name != "verdict":
            return Domain(texts=ENDED_BY)
        return Domain(texts=VERDICTS[:2] if language is ABORT else VERDICTS)
    if kind is not float:
        return None
    if name == "severity":
        return Domain(low=1.0, high=5.0, whole=True)
    if name.endswith("_ratio"):
        return Domain(high=1.0)
    if name in SIGNED:
        return Domain(low=-math.inf)
    return Domain(whole=name in COUNTS)


def holds(operator: str, value: float, literal: float) -> bool:
    """Return the result of a comparison of CEL's grammar, such as relation_lt."""
    return {
        "relation_lt": value < literal,
        "relation_le": value <= literal,
        "relation_gt": value > literal,
        "relation_ge": value >= literal,
        "relation_eq": value == literal,
        "relation_ne": value != literal,
    }[operator]


def candidates(domain: Domain, literals: Sequence[float]) -> list[float]:
    """Return values on both sides of every literal and at both ends: a comparison changes nowhere else."""
    low, high = max(domain.low, -1e12), min(domain.high, 1e12)
    points = {low, high, *(value for literal in literals for value in _around(literal, domain.whole))}
    return sorted(value for value in points if low <= value <= high)


def _around(literal: float, whole: bool) -> tuple[float, ...]:
    if not math.isfinite(literal):
        return ()
    if whole:
        floor = math.floor(literal)
        return float(floor - 1), float(floor), float(floor + 1)
    step = max(1e-6, abs(literal) * 1e-3)
    return literal - step, literal, literal + step
