"""Names that a policy's expression may use, and their values for a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gameday.analysis.expressions.vocabulary import Language
from gameday.changes.change_identity import LEVELS, NO_AI
from gameday.changes.gates.gate import GateContext, Proposal

KINDS = ("code", "config", "schema", "auth", "infra")
CLASSES = ("low", "medium", "high")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

NAMES: Mapping[str, Any] = {
    "change": {
        "name": str,
        "service": str,
        "kind": str,
        "ai": str,
        "author_level": str,
        "strategy": str,
        "approvals": float,
        "senior_approvals": float,
        "regions": float,
        "reversible": bool,
        "migration": bool,
        "deletes": bool,
    },
    "diff": {"files": float, "added": float, "removed": float, "paths": str},
    "impact": {"class": str, "services": float, "journeys": float, "regions": float, "users_ratio": float},
    "state": {"incident": bool, "load": float, "budget_left": float, "hour": float, "weekday": str},
    "in_flight": {"total": float, **dict.fromkeys(KINDS, float)},
}
TEXTS = {
    "kind": KINDS,
    "ai": ("yes", "no", "unknown"),
    "author_level": (*LEVELS, "unknown"),
    "class": CLASSES,
    "weekday": WEEKDAYS,
}
POLICY = Language(
    NAMES,
    {},
    "",
    "",
    'change.kind == "schema"',
    "ratios are written with their unit: 50%",
    texts=TEXTS,
)
PLAIN: Mapping[str, Mapping[str, Any]] = {
    "change": {
        **{"name": "web-1.0.0", "service": "web", "kind": "code", "ai": "no", "author_level": "senior"},
        **{"strategy": "rolling", "approvals": 0.0, "senior_approvals": 0.0, "regions": 1.0},
        **{"reversible": True, "migration": False, "deletes": False},
    },
    "diff": {"files": 1.0, "added": 1.0, "removed": 0.0, "paths": "web.py"},
    "impact": {"class": "low", "services": 1.0, "journeys": 1.0, "regions": 1.0, "users_ratio": 0.1},
    "state": {"incident": False, "load": 1.0, "budget_left": 1.0, "hour": 12.0, "weekday": "tue"},
    "in_flight": {"total": 0.0, **dict.fromkeys(KINDS, 0.0)},
}
"""A change that nothing speaks against: what an example's values replace."""


def values_of(proposal: Proposal, context: GateContext) -> dict[str, Any]:
    """Return the value of every name; None, or no group, if it isn't known."""
    kinds = [other.kind for other in context.in_flight if other.change != proposal.change]
    return {
        "change": {
            "name": proposal.name,
            "service": proposal.service,
            "kind": proposal.kind,
            "ai": "yes" if proposal.is_ai else "no" if proposal.ai == NO_AI else "unknown",
            "author_level": proposal.author.level,
            "strategy": proposal.strategy,
            "approvals": float(len(proposal.approvals)),
            "senior_approvals": float(sum(person.is_senior for person in proposal.approvals)),
            "regions": float(len(proposal.regions)),
            "reversible": proposal.reversible,
            "migration": bool(proposal.migration),
            "deletes": "delete" in proposal.plan,
        },
        "diff": {
            "files": float(len(proposal.files)),
            "added": float(sum(len(file.added) for file in proposal.files)),
            "removed": float(sum(len(file.removed) for file in proposal.files)),
            "paths": "\n".join(file.path for file in proposal.files),
        },
        "impact": dict(context.impact),
        "state": dict(context.state),
        "in_flight": {
            "total": float(len(kinds)),
            **{kind: float(kinds.count(kind)) for kind in KINDS},
        },
    }
