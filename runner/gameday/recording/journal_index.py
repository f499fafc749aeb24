"""The events of a journal by their type: each kind is looked up and parsed once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar, overload

from gameday.recording.event import Event
from gameday.recording.journal_events.event_type import JournalEvent, from_event, typed

A = TypeVar("A", bound=JournalEvent)
B = TypeVar("B", bound=JournalEvent)


RecordedEvent = JournalEvent | Event
"""A typed event, or one of an unknown kind in its on-disk form."""


class JournalIndex:
    """Typed access to the events of one journal, in the order given. `records` also holds kinds that aren't known."""

    def __init__(self, records: Iterable[Event]) -> None:
        self.records: tuple[Event, ...] = tuple(records)
        self._places: dict[str, list[int]] = {}
        for place, record in enumerate(self.records):
            self._places.setdefault(record.kind, []).append(place)
        self._events: dict[tuple[type[JournalEvent], ...], tuple[JournalEvent, ...]] = {}

    @cached_property
    def events(self) -> tuple[RecordedEvent, ...]:
        """All events; those of unknown kinds are in their on-disk form."""
        return tuple(map(from_event, self.records))

    @overload
    def of(self, type_: type[A], /) -> tuple[A, ...]: ...
    @overload
    def of(self, one: type[A], two: type[B], /) -> tuple[A | B, ...]: ...
    @overload
    def of(self, *types: type[JournalEvent]) -> tuple[JournalEvent, ...]: ...
    def of(self, *types: type[JournalEvent]) -> tuple[JournalEvent, ...]:
        """Return the events of these types, in the journal's order."""
        if types not in self._events:
            places = sorted(
                ((place, type_) for type_ in types for place in self._places.get(type_.KIND, ())),
                key=lambda each: each[0],
            )
            self._events[types] = tuple(typed(self.records[place], type_) for place, type_ in places)
        return self._events[types]

    def first(self, type_: type[A], since: float = float("-inf")) -> A | None:
        """Return the first event of a type at or after `since`, None if there is none."""
        return next((event for event in self.of(type_) if event.t >= since), None)
