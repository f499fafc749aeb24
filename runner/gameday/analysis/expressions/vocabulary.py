"""Vocabulary: the names that expectations and abort conditions may use, and their values in an outcome.

A value is a float, a bool or a text; None if nothing measured it; +∞ if it was censored. `abort_conditions` computes the
values during a run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gameday.analysis.model.event_models import Change, DetectorResult, GateResult, SloResult
    from gameday.analysis.model.evidence_models import CanaryResult
    from gameday.analysis.model.outcome_model import Measurements
    from gameday.analysis.model.result_file import Model

Value = float | bool | str | None
Path = tuple[str, ...]
Tree = Mapping[str, Any]

DURATIONS = ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")
CLOCKS = ("effect", "detect", "ack", "act", "recovered", "restored")
IMPACT = (
    "requests",
    "bad",
    "failed",
    "wrong",
    "slow",
    "bad_ratio",
    "failed_ratio",
    "hurt_s",
    "users",
    "users_affected_ratio",
    "error_budget_spent",
)
HURT = ("requests", "bad", "failed", "wrong", "slow", "bad_ratio", "failed_ratio", "hurt_s")
PEOPLE = ("users", "users_affected_ratio")
LATER = ("sales_lost_cents",)
"""Of the impact, what only a run's end tells."""
AUDIT = (
    "acknowledged",
    "lost",
    "duplicated",
    "charged_twice",
    "oversold",
    "sold_out",
    "wrong_amount",
    "wrong_amount_cents",
    "indeterminate",
    "charged_not_kept",
    "kept_not_charged",
    "wrong_customer",
    "wrong_basket",
    "stock_without_order",
    "rpo_s",
    "two_primaries",
    "asynchronous_s",
)
REPORTS = ("peak", "total", "first_s", "alarm_s", "ahead_client_s", "ahead_service_s")
LOAD = ("planned", "achieved", "late", "not_sent", "attempts")
CHANGES = ("refused", "failed", "total")
GATES = ("passed", "blocked", "needs_approval", "warned")
CANARIES = ("promoted", "aborted", "cancelled", "paused", "users")
ANY = "*"

KNOWN: Tree = {
    **dict.fromkeys(DURATIONS, float),
    "limit": float,
    **dict.fromkeys(CLOCKS, bool),
    "impact": {
        **dict.fromkeys((*IMPACT, *LATER), float),
        "regions": {ANY: dict.fromkeys(HURT, float)},
        "journeys": {ANY: dict.fromkeys((*HURT, *PEOPLE), float)},
    },
    "audit": dict.fromkeys(AUDIT, float),
    "customer_reports": dict.fromkeys(REPORTS, float),
    "load": dict.fromkeys(LOAD, float),
    "operations": {"wrong": float, "total": float},
    "changes": dict.fromkeys(CHANGES, float),
    "gates": dict.fromkeys(GATES, float),
    "canaries": dict.fromkeys(CANARIES, float),
    "slos": {ANY: {"verdict": str, "budget_spent": float, "breached_s": float}},
    "detectors": {ANY: {"ttd": float, "detected": bool, "false_alarms": float}},
    "severity": float,
    "ended_by": str,
    "relapses": float,
    "alerts": float,
    "false_alarms": float,
}
"""Every name of an expectation with its type; ANY stands for a name that the scenario chooses."""

LIVE: Tree = {
    "elapsed": float,
    "effect": bool,
    "impact": {name: kind for name, kind in KNOWN["impact"].items() if name not in LATER},
    "slos": KNOWN["slos"],
    "alerts": float,
    "pages": float,
}
"""Every name of an abort condition. A name in both has the value that it would have if the run ended then."""


@dataclass(frozen=True)
class Language:
    """The names that an expression may use.

    `elsewhere`: the names of the other kind of expression, `misplaced` and `hint` say so in an error. `example` is a
    valid expression, `times` says which names are durations. `texts`: the closed sets of texts, by the last part of a
    name, of a language that has its own; other texts are free.
    """

    names: Tree
    elsewhere: Tree
    misplaced: str
    hint: str
    example: str
    times: str
    texts: Mapping[str, tuple[str, ...]] | None = None


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
    """Return a path as it is written in CEL: `slos["browse-speed"].verdict`."""
    head, *rest = path
    return head + "".join(f".{key}" if _PLAIN.match(key) else f'["{key}"]' for key in rest)


def values_of(measurements: Measurements) -> dict[str, Any]:
    """Return the value of every name of KNOWN, in the same tree."""
    tree: dict[str, Any] = {name: _duration(measurements, name) for name in DURATIONS}
    tree["limit"] = measurements.limit_s
    tree.update(_clocks(measurements))
    tree["ended_by"] = _ended_by(measurements)
    tree["severity"] = None if measurements.severity is None else float(measurements.severity)
    tree["impact"] = _numbers(measurements.impact, (*IMPACT, *LATER))
    tree["impact"]["regions"] = {n: _numbers(tally, HURT) for n, tally in measurements.impact.regions.items()}
    tree["impact"]["journeys"] = {
        n: _numbers(tally, (*HURT, *PEOPLE)) for n, tally in measurements.impact.journeys.items()
    }
    tree["audit"] = _numbers(measurements.audit, AUDIT)
    tree["customer_reports"] = _numbers(measurements.customer_reports, REPORTS)
    tree["load"] = _numbers(measurements.load, LOAD)
    operations = measurements.operations
    tree["operations"] = {
        "wrong": float(sum(1 for operation in operations if operation.right is False)),
        "total": float(len(operations)),
    }
    tree["changes"] = _changes(measurements.changes)
    tree["gates"] = _gates(measurements.gates)
    tree["canaries"] = _canaries(measurements.canaries)
    tree["slos"] = {slo.name: _slo(slo) for slo in measurements.slos}
    effect = tree["effect"]
    tree["detectors"] = {name: _detector(result, effect) for name, result in measurements.detectors.items()}
    tree["relapses"] = float(len(measurements.relapses))
    tree["alerts"] = float(len(measurements.alerts))
    false_pages = [alert for alert in measurements.alerts if alert.pages and alert.false_alarm]
    tree["false_alarms"] = float(len(false_pages))
    return tree


def state_of(measurements: Measurements, path: Path) -> str | None:
    """Return the state that explains the value of a duration; None for any other name."""
    return measurements.duration(path[0]).state if path[0] in DURATIONS else None


def type_of(path: Path, names: Tree) -> Any:
    """Return the type of a name; None for a group or an unknown name."""
    known: Any = names
    for key in path:
        known = known.get(key, known.get(ANY)) if isinstance(known, Mapping) else None
    return None if isinstance(known, Mapping) else known


def lookup(tree: Tree, path: Path) -> Value:
    """Return the value at `path`; None if there is none."""
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return None if isinstance(node, Mapping) else node


def _duration(measurements: Measurements, name: str) -> float | None:
    duration = measurements.duration(name)
    return math.inf if duration.state == "censored" else duration.seconds


def _numbers(model: Model, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(model, name) for name in names}
    return {name: None if value is None else float(value) for name, value in values.items()}


def _clocks(measurements: Measurements) -> dict[str, bool | None]:
    """Return which clocks were ever set. Without an effect, `recovered` and `restored` are unknown."""
    state, clocks = measurements.ttr_state, measurements.clocks
    if state == "not_measured":
        return dict.fromkeys(CLOCKS)
    happened: dict[str, bool | None] = {name: getattr(clocks, name) is not None for name in CLOCKS}
    if state == "no_effect":
        happened.update(recovered=None, restored=None)
    return happened


def _ended_by(measurements: Measurements) -> str | None:
    """Return "" if the outage didn't end; None (unknown) if there was no outage."""
    return (measurements.ended_by or "") if measurements.clocks.effect is not None else None


def _changes(changes: Sequence[Change]) -> dict[str, float]:
    """Count changes, rollbacks included. A change that was refused didn't fail."""
    states = [change.state for change in changes]
    return {
        "refused": float(states.count("refused")),
        "failed": float(states.count("failed")),
        "total": float(len(states)),
    }


def _gates(gates: Sequence[GateResult]) -> dict[str, float]:
    """Count what gates decided. A gate that only warns has stopped nothing."""
    results = [gate.result for gate in gates if gate.mode == "block" or gate.result == "passed"]
    return {
        "passed": float(results.count("passed")),
        "blocked": float(results.count("blocked")),
        "needs_approval": float(results.count("needs-approval")),
        "warned": float(len(gates) - len(results)),
    }


def _canaries(canaries: Sequence[CanaryResult]) -> dict[str, float | None]:
    """Count canaries by their ends, those that paused, and the users hurt who were in them; None if that is unknown."""
    ends = [canary.result for canary in canaries]
    users = [canary.users for canary in canaries]
    return {
        **{end: float(ends.count(end)) for end in ("promoted", "aborted", "cancelled")},
        "paused": float(sum(1 for canary in canaries if canary.pauses)),
        "users": None if None in users else float(sum(user for user in users if user is not None)),
    }


def _slo(slo: SloResult) -> dict[str, Value]:
    return {"verdict": slo.verdict, **_numbers(slo, ("budget_spent", "breached_s"))}


def _detector(result: DetectorResult, effect: bool | None) -> dict[str, Value]:
    """Treat a detector that missed an effect as one that took forever."""
    ttd = math.inf if result.ttd_s is None else result.ttd_s
    return {
        "ttd": ttd if effect else None,
        "detected": None if effect is None else result.ttd_s is not None,
        "false_alarms": float(result.false_alarms),
    }
