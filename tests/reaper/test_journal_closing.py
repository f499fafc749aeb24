"""Closing of the journal of a run whose runner is gone."""

from __future__ import annotations

import fcntl
import resource
import shutil
import time
from pathlib import Path

import pytest

from gameday.reaper.journal_closing import close, finished, record_reverted
from gameday.recording.journal import Event, read_journal
from gameday.substrates.substrate_kind import Cleared
from tests.support.journals import write_journal
from tests.support.measured import measure
from tests.support.paths import GOLDEN
from tests.support.reaper_lab import Run

CLEAN = Cleared(["3 processes", "work/"])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def kinds(run: Run) -> list[str]:
    return [event.kind for event in read_journal(run.folder / "journal.jsonl")]


def append(run: Run, *events: Event) -> None:
    """Append events as the runner did, after the incomplete last line was cut."""
    path = run.folder / "journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    write_journal(path, events)


def test_the_half_line_is_cut(run: Run) -> None:
    """The missing events follow in the order in which a run writes them, on the run's clock."""
    assert finished(run.folder) is False
    gone = time.time() + 5
    assert close(run.folder, "it vanished", CLEAN, by="the reaper", gone=gone)
    assert kinds(run)[3:] == ["run.error", "run.ended", "phase", "note", "fault.reverted", "cleanup", "phase"]
    assert finished(run.folder) is True
    assert run.events("run.error")[0].t == pytest.approx(5, abs=1)
    times = [event.t for event in read_journal(run.folder / "journal.jsonl")]
    assert times[3:6] == [times[3]] * 3


def test_the_time_of_the_runners_end_is_unknown(run: Run) -> None:
    """If the journal is closed by hand days later, the run ends at its last event."""
    append(run, Event(7.5, "poll", "", {"shard": "0", "count": 1}))
    assert close(run.folder, "it vanished", CLEAN, by="gameday heal")
    assert run.events("run.ended")[0].t == 7.5
    assert run.events("note")[0].data == {"text": "removed 3 processes, work/", "by": "gameday heal"}


def test_a_fault_may_be_active_on_a_leftover(run: Run) -> None:
    """A fault on an instance that couldn't be removed isn't called reverted; the instance is
    reported as left."""
    assert close(run.folder, "it vanished", Cleared(left=["process 7"]), by="the reaper")
    assert run.events("cleanup")[0].data == {"clean": False, "left": ["process 7"]}
    assert not run.events("fault.reverted")


def test_reverted_faults_stay_reverted(run: Run) -> None:
    """A fault that was reverted before isn't reverted again."""
    append(run, Event(1, "fault.reverted", "f1", {"by": "responder"}), Event(1, "fault.intended", "f2"))
    assert close(run.folder, "it vanished", CLEAN, by="the reaper")
    assert [event.subject for event in run.events("fault.reverted")] == ["f1", "f2"]


def test_pages_that_were_resolved(run: Run) -> None:
    """Only delivered pages are journalled as resolved."""
    append(run, Event(1, "page.delivered", "a1"), Event(1, "page.delivered", "a2"))
    assert close(run.folder, "it vanished", CLEAN, by="the reaper", resolved=["a1", "a9"])
    assert [event.subject for event in run.events("alert.resolved")] == ["a1"]


def test_a_finished_run(run: Run) -> None:
    """The journal of a finished run stays as it is if nothing had to be removed."""
    append(run, Event(1, "fault.reverted", "f1", {"by": "cleanup"}), Event(2, "phase", "done"))
    before = kinds(run)
    assert close(run.folder, "it vanished", Cleared(), by="the reaper")
    assert kinds(run) == before


def test_a_runner_killed_between_its_end_and_the_clean_up(run: Run) -> None:
    """The journal has the end already: only the error is added, and the times don't decrease."""
    append(run, Event(6.0, "run.ended", "", {"reason": "held"}))
    assert close(run.folder, "it vanished", CLEAN, by="the reaper")
    assert kinds(run)[-6:] == ["run.error", "phase", "note", "fault.reverted", "cleanup", "phase"]
    assert [event.data["reason"] for event in run.events("run.ended")] == ["held"]
    assert [event.subject for event in run.events("phase")] == ["up", "down", "done"]
    times = [event.t for event in read_journal(run.folder / "journal.jsonl")]
    assert times == sorted(times)


def test_a_runner_killed_after_phase_down(run: Run) -> None:
    """Neither the end nor the phase is journalled again."""
    append(run, Event(6.0, "run.ended", "", {"reason": "held"}), Event(6.0, "phase", "down"))
    assert close(run.folder, "it vanished", CLEAN, by="the reaper")
    assert kinds(run)[-5:] == ["run.error", "note", "fault.reverted", "cleanup", "phase"]
    assert [event.subject for event in run.events("phase")] == ["up", "down", "done"]


def test_a_journal_that_another_process_is_closing(run: Run) -> None:
    """A journal has one writer at a time: the second one changes nothing and reports that."""
    path = run.folder / "journal.jsonl"
    before = path.read_bytes()
    with path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not close(run.folder, "it vanished", CLEAN, by="gameday heal")
        with pytest.raises(BlockingIOError):
            record_reverted(run.folder, "f1")
        assert path.read_bytes() == before
    assert close(run.folder, "it vanished", CLEAN, by="gameday heal")


def test_a_journal_that_is_a_link_is_not_followed(run: Run, tmp_path: Path) -> None:
    """A link leads to a file that isn't the run's."""
    precious = tmp_path / "precious"
    precious.write_text("{}\nmine")
    (run.folder / "journal.jsonl").unlink()
    (run.folder / "journal.jsonl").symlink_to(precious)
    assert not close(run.folder, "it vanished", CLEAN, by="the reaper")
    assert precious.read_text() == "{}\nmine"


def test_a_revert_is_journalled_once(run: Run) -> None:
    """The revert is on the run's clock, after the incomplete line was cut; the journal can still be
    closed."""
    for _ in range(2):
        record_reverted(run.folder, "f1")
    record_reverted(run.folder, "f9")
    assert kinds(run) == ["run.started", "phase", "fault.intended", "fault.reverted"]
    assert (run.events("fault.reverted")[0].subject, finished(run.folder)) == ("f1", False)


def test_killed_between_the_clean_up_and_the_last_phase(run: Run) -> None:
    """A run that was cleaned up had ended: no error is added."""
    fault, cleanup = (
        Event(1, "fault.reverted", "f1", {}),
        Event(2, "cleanup", "", {"clean": True, "left": []}),
    )
    append(run, Event(1, "run.ended", "", {"reason": "held"}), fault, cleanup)
    assert close(run.folder, "it vanished", Cleared(), by="the reaper")
    assert kinds(run)[-2:] == ["cleanup", "phase"]
    assert not run.events("run.error")


def test_twice(run: Run) -> None:
    """Closing is idempotent: if both reaper and heal close a journal, the second one adds nothing."""
    assert close(run.folder, "it vanished", CLEAN, by="the reaper")
    before = kinds(run)
    assert close(run.folder, "it vanished", Cleared(), by="gameday heal")
    assert kinds(run) == before


def test_a_full_disk(run: Run) -> None:
    """A full disk is reported without an exception; events that did fit are truncated again."""
    journal = run.folder / "journal.jsonl"
    whole = journal.read_bytes().rpartition(b"\n")[0] + b"\n"
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, most[1]))
    try:
        assert not close(run.folder, "it vanished", CLEAN, by="the reaper")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert journal.read_bytes() == whole


def test_no_journal(tmp_path: Path) -> None:
    """A runner may be killed before its first event."""
    assert finished(tmp_path) is None
    assert not close(tmp_path, "it vanished", CLEAN, by="the reaper")


def test_it_can_be_measured(tmp_path: Path) -> None:
    """A run cut off during its fault is an error, with a clean clean-up and the clocks known until
    then."""
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN, folder)
    lines = (GOLDEN / "journal.jsonl").read_text().splitlines(keepends=True)
    end = next(n for n, line in enumerate(lines) if '"kind":"operation.intended"' in line)
    (folder / "journal.jsonl").write_text("".join(lines[:end]) + lines[end][:9])
    assert close(folder, "it vanished", CLEAN, by="the reaper")
    outcome = measure(folder)
    assert (outcome["verdict"], outcome["exit_status"]) == ("error", 4)
    assert outcome["cleanup"] == {"clean": True, "left": []}
    assert outcome["clocks"]["detect"] is not None
    assert outcome["clocks"]["act"] is None
