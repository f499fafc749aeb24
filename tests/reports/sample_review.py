"""The sample run, changed here and there: what a rule of the review is tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reports.folder import Run
from runner.journal import Event

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """`outcome` and `scenario` are laid over the sample's, key by key; `edit`: subject → data of its change.started."""

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
        outcome=laid_over(run.outcome, of.outcome),
        scenario=laid_over(run.scenario, of.scenario),
        events=sorted([*events, *of.add], key=lambda event: event.t),
    )


def laid_over(below: Data, above: Data) -> dict[str, Any]:
    """`above` wins; mappings are laid over each other, lists are replaced."""
    both = {
        key: laid_over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}


def _edited(event: Event, of: Variant) -> Event:
    more = of.edit.get(event.subject) if event.kind == "change.started" else None
    return replace(event, data={**event.data, **more}) if more else event
