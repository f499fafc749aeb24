"""The base of all journal events: registry of kinds, conversion to and from the on-disk form.

The rules of the conversion, for every type alike:

- The fields of a type are the keys of `data`, in their order; the field named by `subject` is the event's subject.
- A field without a default is always written, also if it is None. A field with a default is written only if it differs.
- A missing key reads as the field's default, else as None if the type allows it, else as "", False, 0 or empty.
- A key that the type doesn't have, or whose value has another type, is kept in `extra` and written again.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from gameday.recording.event import Event

KINDS: dict[str, type[JournalEvent]] = {}
"""Kind on disk → its type. Filled by the definition of each type."""
EMPTY: Mapping[Any, Any] = {str: "", bool: False, int: 0, float: 0.0, tuple: (), Mapping: {}}
"""What a missing key reads as, by the type of its field."""


@dataclass(frozen=True)
class JournalEvent:
    """An event of a run. `t` is in seconds since the run's start and is stamped by `at` when the event is written.

    `extra` holds the keys that another version of gameday wrote.
    """

    KIND: ClassVar[str]
    SUBJECT: ClassVar[str]
    """The field that is the event's subject; empty if the kind has none."""

    t: float = field(default=0.0, kw_only=True)
    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __init_subclass__(cls, *, kind: str, subject: str = "") -> None:
        """Register the type. Raise ValueError if the kind already has one."""
        super().__init_subclass__()
        if kind in KINDS:
            raise ValueError(f"kind {kind!r} of a journal event is defined twice: {KINDS[kind]}, {cls}")
        cls.KIND, cls.SUBJECT = kind, subject
        KINDS[kind] = cls

    def at(self, t: float) -> Self:
        """Return the event stamped with the time `t`."""
        return replace(self, t=t)

    @property
    def subject(self) -> str:
        """The id of what the event is about; empty if its kind has none."""
        return getattr(self, self.SUBJECT) if self.SUBJECT else ""

    def to_event(self) -> Event:
        """Return the on-disk form."""
        data = {
            key.name: _plain(value)
            for key in _keys(self.KIND)
            if (value := getattr(self, key.name)) != _default(key)
        }
        return Event(self.t, self.KIND, self.subject, {**data, **self.extra})


E = TypeVar("E", bound=JournalEvent)


def from_event(event: Event) -> JournalEvent | Event:
    """Return the typed event; an event of an unknown kind is returned as it is."""
    type_ = KINDS.get(event.kind)
    return event if type_ is None else typed(event, type_)


def typed(event: Event, type_: type[E]) -> E:
    """Return the event as `type_`, whose kind it must have."""
    hints, rest = _hints(type_.KIND), dict(event.data)
    values: dict[str, Any] = {}
    for key in _keys(type_.KIND):
        hint = hints[key.name]
        if key.name in rest and _fits(rest[key.name], hint):
            values[key.name] = _frozen(rest.pop(key.name))
        elif _default(key) is MISSING:
            values[key.name] = _empty(hint)
    if type_.SUBJECT:
        values[type_.SUBJECT] = event.subject
    return type_(**values, t=event.t, extra=rest)


@cache
def _keys(kind: str) -> tuple[Field[Any], ...]:
    """Return the fields of a kind that are keys of `data`."""
    type_ = KINDS[kind]
    return tuple(key for key in fields(type_) if key.name not in ("t", "extra", type_.SUBJECT))


@cache
def _hints(kind: str) -> dict[str, Any]:
    return get_type_hints(KINDS[kind])


def _default(key: Field[Any]) -> Any:
    """Return the default of a field, MISSING if it has none."""
    return key.default if key.default_factory is MISSING else key.default_factory()


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value of JSON has the type that a field declares."""
    if hint is Any:
        return True
    origin, arguments = get_origin(hint) or hint, get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(item, arguments[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(item, arguments[1]) for item in value.values())
    if isinstance(value, bool):
        return origin is bool
    return isinstance(value, int | float) if origin is float else isinstance(value, origin)


def _empty(hint: Any) -> Any:
    """Return what a missing key of this type reads as."""
    return None if _fits(None, hint) else EMPTY[get_origin(hint) or hint]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
