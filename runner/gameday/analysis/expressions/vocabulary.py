"""What an expectation may speak of, and its value in an outcome; and what an abort condition may.

A value is a float, a bool or a text; None where nothing measured it; +∞ where it was censored. The values that an abort
condition sees while a run goes on are `live`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = float | bool | str | None
Path = tuple[str, ...]
Tree = Mapping[str, Any]

DURATIONS = ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")
CLOCKS = ("effect", "detect", "ack", "act", "recovered", "restored")
IMPACT = (
    "requests",
    "failed",
    "failed_ratio",
    "hurt_s",
    "users",
    "users_affected_ratio",
    "error_budget_spent",
)
HURT = ("requests", "failed", "failed_ratio", "hurt_s")
AUDIT = (
    "acknowledged",
    "lost",
    "duplicated",
    "charged_twice",
    "oversold",
    "wrong_amount",
    "wrong_amount_cents",
    "indeterminate",
    "charged_not_kept",
    "rpo_s",
)
REPORTS = ("peak", "total", "first_s", "alarm_s", "ahead_client_s", "ahead_service_s")
LOAD = ("planned", "achieved", "late", "not_sent", "attempts")
CHANGES = ("refused", "failed", "total")
ANY = "*"

KNOWN: Tree = {
    **dict.fromkeys(DURATIONS, float),
    "limit": float,
    **dict.fromkeys(CLOCKS, bool),
    "impact": {
        **dict.fromkeys(IMPACT, float),
        "regions": {ANY: dict.fromkeys(HURT, float)},
        "journeys": {ANY: dict.fromkeys(HURT, float)},
    },
    "audit": dict.fromkeys(AUDIT, float),
    "customer_reports": dict.fromkeys(REPORTS, float),
    "load": dict.fromkeys(LOAD, float),
    "operations": {"wrong": float, "total": float},
    "changes": dict.fromkeys(CHANGES, float),
    "slos": {ANY: {"verdict": str, "budget_spent": float, "breached_s": float}},
    "detectors": {ANY: {"ttd": float, "detected": bool, "false_alarms": float}},
    "ended_by": str,
    "relapses": float,
    "alerts": float,
    "false_alarms": float,
}
"""Every name with its type; ANY stands for a name that the scenario chooses."""

LIVE: Tree = {
    "elapsed": float,
    "effect": bool,
    "impact": KNOWN["impact"],
    "slos": KNOWN["slos"],
    "alerts": float,
    "pages": float,
}
"""Likewise of an abort condition. What stands in both means the same, were the run to end just then."""


@dataclass(frozen=True)
class Language:
    """The names that an expression may use. `elsewhere` are those of the other place, `misplaced` says which that is.

    `example` is a good expression, `times` says which names are durations.
    """

    names: Tree
    elsewhere: Tree
    misplaced: str
    hint: str
    example: str
    times: str


EXPECT = Language(
    KNOWN,
    LIVE,
    "is known only while a run goes on",
    "it belongs in abort",
    "ttd < 5s",
    f"times are {', '.join(DURATIONS)}",
)
ABORT = Language(
    LIVE,
    KNOWN,
    "is known only at the end of a run",
    f"it belongs in expect; abort may use {', '.join(LIVE)}",
    "impact.failed_ratio > 50%",
    "a time is elapsed",
)

_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")


def spell(path: Path) -> str:
    """`("slos", "browse-speed", "verdict")` → `slos["browse-speed"].verdict`, as it is written in CEL."""
    head, *rest = path
    return head + "".join(f".{each}" if _PLAIN.match(each) else f'["{each}"]' for each in rest)


def values_of(outcome: Tree) -> dict[str, Any]:
    """The value of every name of KNOWN in `outcome`, in the same tree."""
    tree: dict[str, Any] = {name: _duration(outcome, name) for name in DURATIONS}
    tree["limit"] = _number(outcome["limit_s"])
    tree.update(_clocks(outcome))
    tree["ended_by"] = _who(outcome)
    for group, names in (("impact", IMPACT), ("audit", AUDIT), ("customer_reports", REPORTS), ("load", LOAD)):
        tree[group] = {name: _number(outcome[group][name]) for name in names}
    for group in ("regions", "journeys"):
        tree["impact"][group] = {name: _hurt(each) for name, each in outcome["impact"][group].items()}
    operations = outcome["operations"]
    tree["operations"] = {
        "wrong": float(sum(1 for each in operations if each["right"] is False)),
        "total": float(len(operations)),
    }
    tree["changes"] = _changes(outcome["changes"])
    tree["slos"] = {each["name"]: _slo(each) for each in outcome["slos"]}
    happened = tree["effect"]
    tree["detectors"] = {name: _detector(each, happened) for name, each in outcome["detectors"].items()}
    tree["relapses"] = float(len(outcome["relapses"]))
    tree["alerts"] = float(len(outcome["alerts"]))
    pages = [each for each in outcome["alerts"] if each["pages"]]
    tree["false_alarms"] = float(sum(1 for each in pages if each["false_alarm"]))
    return tree


def state_of(outcome: Tree, path: Path) -> str | None:
    """The state that explains a value: of a duration its own, of anything else None."""
    return str(outcome[f"{path[0]}_state"]) if path[0] in DURATIONS else None


def type_of(path: Path, names: Tree) -> Any:
    """The type of a name, None where it has none: a group, or not known."""
    known: Any = names
    for key in path:
        known = known.get(key, known.get(ANY)) if isinstance(known, Mapping) else None
    return None if isinstance(known, Mapping) else known


def lookup(tree: Tree, path: Path) -> Value:
    """The value at `path`; None where it isn't there."""
    found: Any = tree
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return None if isinstance(found, Mapping) else found


def _duration(outcome: Tree, name: str) -> Value:
    if outcome[f"{name}_state"] == "censored":
        return math.inf
    return _number(outcome[f"{name}_s"])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _clocks(outcome: Tree) -> dict[str, bool | None]:
    """Which clocks were ever set. Without an effect nobody can recover from it, so those two can't be told."""
    state, clocks = outcome["ttr_state"], outcome["clocks"]
    if state == "not_measured":
        return dict.fromkeys(CLOCKS)
    happened: dict[str, bool | None] = {name: clocks[name] is not None for name in CLOCKS}
    if state == "no_effect":
        happened.update(recovered=None, restored=None)
    return happened


def _who(outcome: Tree) -> str | None:
    """Nobody (an empty text) where the outage didn't end, unknown where there was none."""
    return (outcome["ended_by"] or "") if outcome["clocks"]["effect"] is not None else None


def _changes(changes: Sequence[Tree]) -> dict[str, float]:
    """Rollbacks are changes too. One that was refused hasn't failed."""
    ended = [each["state"] for each in changes]
    return {
        "refused": float(ended.count("refused")),
        "failed": float(ended.count("failed")),
        "total": float(len(ended)),
    }


def _slo(each: Tree) -> dict[str, Value]:
    return {
        "verdict": each["verdict"],
        "budget_spent": _number(each["budget_spent"]),
        "breached_s": _number(each["breached_s"]),
    }


def _hurt(each: Tree) -> dict[str, float | None]:
    return {name: _number(each[name]) for name in HURT}


def _detector(each: Tree, happened: bool | None) -> dict[str, Value]:
    """A detector that didn't see what happened is as one that took forever."""
    seen = each["ttd_s"] is not None
    ttd = float(each["ttd_s"]) if seen else math.inf
    return {
        "ttd": ttd if happened else None,
        "detected": None if happened is None else seen,
        "false_alarms": float(each["false_alarms"]),
    }
