"""Variants of the sample run on which the rules of the review are tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.journal import Event
from gameday_reports.run_page.run_data import Run

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """`outcome` and `scenario` are merged over the sample's, key by key; `edit`: subject → data of
    its change.started."""

    outcome: Data = field(default_factory=dict)
    scenario: Data = field(default_factory=dict)
    edit: Mapping[str, Data] = field(default_factory=dict)
    add: Sequence[Event] = ()
    drop: Sequence[str] = ()
    """Subjects and kinds of events that are left out."""


def variant(run: Run, of: Variant) -> Run:
    events = [_edited(event, of) for event in run.events if not {event.subject, event.kind} & set(of.drop)]
    return replace(
        run,
        outcome=Outcome.model_validate(laid_over(run.outcome.document(), of.outcome)),
        scenario=laid_over(run.scenario, of.scenario),
        events=sorted([*events, *of.add], key=lambda event: event.t),
    )


def laid_over(below: Data, above: Data) -> dict[str, Any]:
    """Merge `above` over the other: mappings are merged, lists are replaced."""
    both = {
        key: laid_over(below[key], value)
        if isinstance(value, dict) and isinstance(below.get(key), dict)
        else value
        for key, value in above.items()
    }
    return {**below, **both}


def _edited(event: Event, of: Variant) -> Event:
    more = of.edit.get(event.subject) if event.kind == "change.started" else None
    return replace(event, data={**event.data, **more}) if more else event


LOST = {"region": "us-east"}
REGION_LOST = Variant(
    outcome={
        "changes": [],
        "operations": [
            {
                "id": "o1",
                "t": 16.5,
                "name": "failover",
                "target": "us-east",
                "by": "dba",
                "done": 17.0,
                "right": True,
            }
        ],
        "clocks": {"act": 16.5, "acted": 17.0, "recovered": 20.0},
        "audit": {"lost": 2, "rpo_s": 0.31},
    },
    scenario={"guardrails": {"breaker": False}},
    drop=["c0", "c1", "c2", "f1", "o1"],
    add=[
        Event(10.0, "phase", "steady"),
        Event(14.2, "fault.intended", "f1", {"kind": "region.lose", "target": "us-east", **LOST}),
        Event(14.3, "fault.injected", "f1"),
        *(
            Event(14.3 + n / 100, "instance.killed", f"pricing.{n}", {"service": "pricing", **LOST})
            for n in range(12)
        ),
        Event(15.0, "region.seen", "us-east", {"up": False, "database": False}),
        Event(
            16.5,
            "operation.intended",
            "o1",
            {"name": "failover", "target": "us-east", "by": "dba", "change": None},
        ),
        Event(17.0, "operation.done", "o1"),
        Event(18.0, "database.promoted", "eu-west", {"instead_of": "us-east"}),
    ],
)
"""No change; a region killed, failed over and its database replaced; two orders lost."""

ROLLBACK = {"name": "rollback", "by": "on-call"}
HUMAN = Variant(
    outcome={
        "responder": {"kind": "human"},
        "operations": [
            {**ROLLBACK, "id": "o1", "t": 16.0, "target": "catalog", "right": False},
            {**ROLLBACK, "id": "o2", "t": 18.0, "target": "pricing", "done": 19.5, "right": True},
        ],
        "clocks": {"ack": 15.9, "act": 18.0, "acted": 19.5},
    },
    drop=["o1", "c2", "ack"],
    add=[
        Event(15.9, "ack", "a1", {"by": "on-call"}),
        Event(
            15.95,
            "note",
            "",
            {"text": "looks like catalog <script> | x | ](http://x.example)", "by": "support"},
        ),
        Event(15.96, "note", "", {"text": "Postgres is being prepared", "by": "gameday"}),
        Event(16.0, "operation.intended", "o1", {**ROLLBACK, "target": "catalog", "change": "c0"}),
        Event(17.0, "operation.failed", "o1", {"why": "it was already taken back"}),
        Event(18.0, "operation.intended", "o2", {**ROLLBACK, "target": "pricing", "change": "c1"}),
        Event(19.5, "operation.done", "o2"),
    ],
)
"""Notes by people, a wrong operation first, the right one two seconds later."""
