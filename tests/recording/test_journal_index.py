"""The journal's index: events by their type, in the journal's order, parsed once."""

from gameday.recording.event import Event
from gameday.recording.journal_events import ChangeDone, ChangeFailed, ChangeStarted, PhaseStarted
from gameday.recording.journal_index import JournalIndex

INDEX = JournalIndex(
    [
        Event(1.0, "phase", "up"),
        Event(2.0, "change.failed", "c1", {"why": "busy"}),
        Event(3.0, "of.tomorrow", "x", {"some": "data"}),
        Event(3.0, "change.done", "c2", {"cancelled": False}),
        Event(4.0, "phase", "warm"),
    ]
)


def test_events_by_type_in_order() -> None:
    """Events of one or several types come in the journal's order; of a type that isn't there come none."""
    assert INDEX.of(PhaseStarted) == (PhaseStarted("up", t=1.0), PhaseStarted("warm", t=4.0))
    assert INDEX.of(ChangeDone, ChangeFailed) == (
        ChangeFailed("c1", why="busy", t=2.0),
        ChangeDone("c2", cancelled=False, t=3.0),
    )
    assert INDEX.of(ChangeStarted) == ()


def test_the_first_event_since() -> None:
    """The first event of a type at or after a time, None if there is none."""
    assert INDEX.first(PhaseStarted) == PhaseStarted("up", t=1.0)
    assert INDEX.first(PhaseStarted, since=1.5) == PhaseStarted("warm", t=4.0)
    assert INDEX.first(PhaseStarted, since=5.0) is None


def test_events_are_parsed_once() -> None:
    """The same events are returned again, not parsed anew."""
    assert INDEX.of(PhaseStarted) is INDEX.of(PhaseStarted)


def test_unknown_kinds_are_among_the_records() -> None:
    """An event of an unknown kind is readable in its on-disk form."""
    assert [record.kind for record in INDEX.records].count("of.tomorrow") == 1
