"""Journal events: each kind is one type, converts to the on-disk form and back, and keeps what it doesn't know."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from gameday.recording.event import Event
from gameday.recording.journal import read_journal
from gameday.recording.journal_events import (
    KINDS,
    AlertRaised,
    ChangeFailed,
    FaultReverted,
    InstanceKilled,
    JournalEvent,
    LagMeasured,
    OperationIntended,
    PhaseStarted,
    RunStarted,
    Scraped,
    from_event,
)
from tests.support.paths import ROOT

GOLDEN = ROOT / "tests/golden/journal.jsonl"
VALUES: Mapping[Any, Any] = {str: "words", bool: True, int: 3, float: 2.5, Any: "anything"}
every_kind = pytest.mark.parametrize("type_", KINDS.values(), ids=KINDS)


def example(hint: Any) -> Any:
    """Return a value of a field's type, not None."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return (example(arguments[0]), example(arguments[0]))
    if origin is Mapping:
        return {"key": example(arguments[1])}
    return example(arguments[0]) if arguments else VALUES[hint]


def example_of(type_: type[JournalEvent]) -> JournalEvent:
    """Return an event of the type with every field set."""
    hints = get_type_hints(type_)
    names = [field.name for field in fields(type_) if field.name not in ("t", "extra")]
    return type_(**{name: example(hints[name]) for name in names}, t=1.5)


@every_kind
def test_each_kind_survives_the_disk(type_: type[JournalEvent]) -> None:
    """An event is read back from its on-disk form as it was written, with all its fields."""
    event = example_of(type_)
    record = event.to_event()
    assert record.kind == type_.KIND
    assert from_event(record) == event
    assert not [name for name in record.data if name not in {field.name for field in fields(type_)}]


@every_kind
def test_each_kind_is_read_without_its_keys(type_: type[JournalEvent]) -> None:
    """An older version may lack every key; the event is read with empty values all the same."""
    event = from_event(Event(2.0, type_.KIND, "s"))
    assert isinstance(event, type_)
    assert event.t == 2.0
    assert event.extra == {}


@every_kind
def test_unknown_keys_are_kept(type_: type[JournalEvent]) -> None:
    """A key of a newer version is kept and written again."""
    event = from_event(Event(2.0, type_.KIND, "s", {"of_a_newer_version": [1, 2]}))
    assert isinstance(event, JournalEvent)
    assert event.extra == {"of_a_newer_version": [1, 2]}
    assert event.to_event().data["of_a_newer_version"] == [1, 2]


def test_an_old_journal_loses_nothing() -> None:
    """Every event of the golden journal has a type, and every key of it is written again with the same value."""
    for record in read_journal(GOLDEN):
        event = from_event(record)
        assert isinstance(event, JournalEvent), record.kind
        again = event.to_event()
        assert (again.t, again.kind, again.subject) == (record.t, record.kind, record.subject)
        assert {key: again.data[key] for key in record.data} == record.data


def test_an_event_of_an_unknown_kind_stays_readable() -> None:
    """A kind of a newer version is returned as it lies on disk."""
    record = Event(1.0, "of.tomorrow", "x", {"some": "data"})
    assert from_event(record) is record


def test_a_kind_is_defined_once() -> None:
    """A second type of the same kind is an error when it is defined."""
    with pytest.raises(ValueError, match="kind 'phase' of a journal event is defined twice"):
        type("Second", (JournalEvent,), {}, kind="phase")
    assert KINDS["phase"] is PhaseStarted


def test_a_value_of_another_type_is_kept_apart() -> None:
    """A value that doesn't fit its field reads as empty and is kept in `extra`."""
    event = from_event(Event(1.0, "fault.reverted", "f1", {"by": 7, "ordered": True}))
    assert event == FaultReverted("f1", by="", t=1.0, extra={"by": 7, "ordered": True})
    assert event.to_event().data == {"by": 7, "ordered": True}


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (LagMeasured(p95_s=None, n=0), {"p95_s": None, "n": 0}),
        (
            InstanceKilled("i", service="s", region="r", release="x"),
            {"service": "s", "region": "r", "release": "x"},
        ),
        (ChangeFailed("c1", why="no"), {"why": "no"}),
        (
            ChangeFailed("c1", why="no", refused=True, status=403),
            {"why": "no", "refused": True, "status": 403},
        ),
        (
            OperationIntended("o1", name="restart", target="x", by="me", change=None),
            {"name": "restart", "target": "x", "by": "me", "change": None},
        ),
        (Scraped("s", requests=1, errors=0, missing=("a",)), {"requests": 1, "errors": 0, "missing": ["a"]}),
        (RunStarted("r", substrate="process", started="now"), {"substrate": "process", "started": "now"}),
        (
            RunStarted("r", substrate="process", started="now", policy=None),
            {"substrate": "process", "started": "now", "policy": None},
        ),
    ],
)
def test_keys_on_disk(event: JournalEvent, data: dict[str, Any]) -> None:
    """A field without a default is always written, one with a default only if it differs."""
    assert list(event.to_event().data.items()) == list(data.items())


def test_whole_numbers_stay_whole() -> None:
    """A whole number in a field of seconds is written as it was read; true is no number."""
    event = from_event(Event(1.0, "stream.rearmed", "", {"since": 9}))
    assert event.to_event().line().endswith('"data":{"since":9}}')  # type: ignore[union-attr]
    alert = from_event(Event(1.0, "alert.raised", "a1", {"pages": 1}))
    assert isinstance(alert, AlertRaised)
    assert alert.pages is False
