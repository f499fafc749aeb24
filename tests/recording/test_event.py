"""The on-disk form of an event is seen by readers only: kinds have one place, and writers use their types."""

import ast
from pathlib import Path

import pytest

from gameday.recording.event import Event
from gameday.recording.journal import Journal
from gameday.recording.journal_events import KINDS, JournalEvent
from tests.support.offenders import refuse
from tests.support.paths import ROOT

CODE = [
    path for source in ("runner/gameday", "reports/gameday_reports") for path in (ROOT / source).rglob("*.py")
]
HOME = ROOT / "runner/gameday/recording"
READERS = {
    *("journal_closing.py", "journal_reader.py", "recorded_run.py", "run_data.py"),
    *("picture.py", "system_layout.py"),  # of a live page, which reads the journal of the run's folder
}
"""Modules beside `recording` that hold events in their on-disk form until they are parsed."""


def names(path: Path) -> set[str]:
    """Return every string and every imported name of a module."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    imported = {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return strings | imported


@pytest.fixture(scope="module")
def names_of() -> dict[Path, set[str]]:
    return {path: names(path) for path in CODE}


def test_no_other_module_spells_a_kind(names_of: dict[Path, set[str]]) -> None:
    """A kind like `fault.intended` is a literal only where its type is defined; others use the type."""
    kinds = {kind for kind in KINDS if "." in kind}
    refuse(
        f"{path} spells {kind!r}"
        for path, spelt in names_of.items()
        if path.parent.name != "journal_events"
        for kind in kinds & spelt
    )


def test_writers_have_only_types(names_of: dict[Path, set[str]]) -> None:
    """Only readers see the on-disk form, so no writer can journal a kind that has no type."""
    refuse(
        f"{path} imports {name}"
        for path, imported in names_of.items()
        if HOME not in path.parents and path.name not in READERS
        for name in imported & {"gameday.recording.event.Event", "gameday.recording.journal.Event"}
    )


def test_the_journal_refuses_what_has_no_type(tmp_path: Path) -> None:
    """An event in its on-disk form, of whatever kind, isn't written."""
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(AttributeError, match="no attribute 'to_event'"):
        journal.append(Event(1.0, "of.mine", "x"))  # type: ignore[arg-type]
    journal.close()
    assert journal.path.read_bytes() == b""


def test_a_type_needs_a_kind() -> None:
    """A type of event without a kind is an error when it is defined."""
    with pytest.raises(TypeError, match="kind"):
        type("Nameless", (JournalEvent,), {})


@pytest.mark.parametrize("line", ["", "{", "[]", '{"t":1}', '{"t":"x","kind":"k","subject":"","data":{}}'])
def test_a_line_that_is_no_event(line: str) -> None:
    """It is an error that says so."""
    with pytest.raises(ValueError, match="not a journal event"):
        Event.from_line(line)


def test_a_line_is_read_as_it_was_written() -> None:
    """Text of any language stays readable in the file; times are rounded to microseconds."""
    event = Event(1.23456789, "note", "", {"text": "Kühlung aus", "by": "ops"})
    assert (
        event.line() == '{"t":1.234568,"kind":"note","subject":"","data":{"text":"Kühlung aus","by":"ops"}}'
    )
    assert Event.from_line(event.line()).data == event.data
