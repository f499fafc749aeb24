"""The seal of a drill: nothing to be found while it goes on, all of it afterwards, also after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.reaper.journal_closing import close
from gameday.recording.journal import Journal, read_journal
from gameday.recording.sealed_files import KEY, Seal, sealed, unseal
from gameday.substrates.substrate_kind import Cleared
from tests.support.journals import typed_event

SECRET = "bad-deploy-pricing"


def drill(folder: Path) -> Journal:
    """A run under a seal: its scenario, and a journal with one fault."""
    seal = Seal(folder)
    seal.write(folder / "scenario.yaml", f"name: {SECRET}\ntitle: ä\n")
    journal = Journal(seal.path(folder / "journal.jsonl"), None, seal.line)
    journal.append(typed_event(0.0, "run.started", folder.name, {"scenario": SECRET}))
    journal.append(
        typed_event(9.0, "fault.intended", "f1", {"kind": "bad-deploy", "target": "pricing"}), durable=True
    )
    return journal


def test_a_search_of_the_folder_finds_nothing_till_it_is_opened(tmp_path: Path) -> None:
    """Neither the scenario's name nor its fault; then everything, as if it had never been sealed."""
    drill(tmp_path).close()
    assert sealed(tmp_path)
    assert not [
        path for path in tmp_path.iterdir() for word in (SECRET, "fault") if word in path.read_text("utf-8")
    ]
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        unseal(tmp_path)
        assert not sealed(tmp_path)
    assert (tmp_path / "scenario.yaml").read_text("utf-8") == f"name: {SECRET}\ntitle: ä\n"
    assert [event.kind for event in read_journal(tmp_path / "journal.jsonl")] == [
        "run.started",
        "fault.intended",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.jsonl", "scenario.yaml"]


def test_the_journal_of_a_killed_drill_is_opened_and_ended(tmp_path: Path) -> None:
    """By whoever buries the run: a half last line is left out, the fault that stood went with the system."""
    journal = drill(tmp_path)
    with journal.path.open("a", encoding="ascii") as file:
        file.write("gAAAAAB-half-a-line")
    journal.close()
    assert close(tmp_path, "the runner vanished", Cleared(), by="the reaper")
    kinds = [event.kind for event in read_journal(tmp_path / "journal.jsonl")]
    assert kinds[:3] == ["run.started", "fault.intended", "run.error"]
    assert "fault.reverted" in kinds
    assert not sealed(tmp_path)


def test_what_cant_be_opened_stays_as_it_is(tmp_path: Path) -> None:
    """A damaged key destroys nothing."""
    drill(tmp_path).close()
    (tmp_path / KEY).write_bytes(b"no key")
    with pytest.raises(OSError, match="isn't a valid key"):
        unseal(tmp_path)
    assert (tmp_path / "journal.jsonl.sealed").is_file()
