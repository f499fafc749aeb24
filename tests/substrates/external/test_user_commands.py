"""Commands on a system of one's own: the undo is on disk first, and another process can carry it out."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.recording.undo_list import NAME, UndoList, read_undo_list
from gameday.scenario.own.own_system import CommandSpec
from gameday.substrates.external.external_kind import KIND
from gameday.substrates.external.user_commands import UserCommands
from gameday.substrates.substrate_kind import Traces
from tests.support.waiting import until


def shell(text: str) -> CommandSpec:
    """Return a command that runs a line of shell."""
    return CommandSpec(command=("sh", "-c", text))


def commands(run: Path) -> UserCommands:
    """Return the commands of the run in that folder, which act in the same folder."""
    return UserCommands(UndoList(run), run, {"region": "local"})


def test_the_undo_is_on_disk_before_the_command_runs(tmp_path: Path) -> None:
    """A command sees its own undo in the list, filled in."""
    copy = shell(f"cp {NAME} seen")
    commands(tmp_path).perform("f1", "slow disk", copy, shell("echo back ${region}"))
    assert json.loads((tmp_path / "seen").read_text(encoding="utf-8"))[0]["command"][2] == "echo back local"


def test_an_undo_is_carried_out_once(tmp_path: Path) -> None:
    """To undo twice is to undo once; the list is empty afterwards."""
    acting = commands(tmp_path)
    acting.perform("f1", "slow disk", shell("true"), shell("echo undone >> log"))
    acting.undo("f1")
    acting.undo("f1")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "undone\n"
    assert json.loads((tmp_path / NAME).read_text(encoding="utf-8")) == []


def test_a_failed_command_can_be_undone_and_a_failed_undo_stays(tmp_path: Path) -> None:
    """A command that fails may have half acted; an undo that fails is tried again by the next one."""
    acting = commands(tmp_path)
    with pytest.raises(PortError, match=r"slow disk: .*exit status 1"):
        acting.perform("f1", "slow disk", shell("exit 1"), shell("test -e ready"))
    undone, left = acting.undo_all()
    assert (undone, left[0][:10]) == ([], "slow disk:")
    (tmp_path / "ready").touch()
    assert acting.undo_all() == (["slow disk"], [])


def test_the_reaper_carries_out_what_a_dead_run_left_the_latest_first(tmp_path: Path) -> None:
    """Another process undoes by the file alone; a second clean-up has nothing to do."""
    run = tmp_path / "20260102-030405-ab12"
    run.mkdir()
    acting = commands(run)
    for name in ("first", "second"):
        acting.perform(name, name, shell("true"), shell(f"echo {name} >> log"))
    traces = [Traces(run.name, run)]
    assert KIND.reap(traces, 1.0)[run.name].removed == ["undone: second", "undone: first"]
    assert (run / "log").read_text(encoding="utf-8") == "second\nfirst\n"
    again = KIND.reap(traces, 1.0)[run.name]
    assert (again.removed, again.left) == ([], [])


def test_a_folder_that_was_sent_runs_nothing(tmp_path: Path) -> None:
    """The commands of a run that this machine didn't record are shown, and not run."""
    run = tmp_path / "20260102-030405-ab12"
    run.mkdir()
    commands(run).perform("first", "first", shell("true"), shell("echo first >> log"))
    cleared = KIND.reap([Traces(run.name, run, recorded_here=False)], 1.0)[run.name]
    assert cleared.removed == []
    assert cleared.left[0].endswith("by hand: sh -c 'echo first >> log'")
    assert not (run / "log").exists()


@pytest.mark.parametrize("text", ["{", "[1]", '[{"key": "x"}]', "{}x"])
def test_a_damaged_list_is_reported_as_left(tmp_path: Path, text: str) -> None:
    """A clean-up never raises: what it can't read is left, with the reason."""
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert KIND.reap([Traces(tmp_path.name, tmp_path)], 1.0)[tmp_path.name].left


def test_nothing_is_undone_before_a_command_under_way_has_ended(tmp_path: Path) -> None:
    """At the end of a run a command is stopped and waited for; its undo comes last, and no command begins afterwards."""
    acting = commands(tmp_path)
    refused: list[str] = []

    def inject() -> None:
        try:
            acting.perform("f1", "slow disk", shell("touch begun; sleep 30; touch fault"), shell("rm begun"))
        except PortError as error:
            refused.append(str(error))

    injecting = threading.Thread(target=inject)
    injecting.start()
    until((tmp_path / "begun").exists, "the command to begin")
    assert acting.undo_all() == (["slow disk"], [])
    injecting.join(10)
    assert "was cancelled" in refused[0]
    assert not (tmp_path / "begun").exists()
    with pytest.raises(PortError, match="the run is ending"):
        acting.perform("f2", "slow disk", shell("touch fault"), None)
    assert not (tmp_path / "fault").exists()


def test_reading_an_undo_list_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full while a list is read takes no entry away."""
    acting = commands(tmp_path)
    for number in range(3):
        acting.note_undo(f"f{number}", "slow disk", ("true",), 1.0)
    before = (tmp_path / NAME).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gameday.recording.atomic_file.replacing", full)
    assert [entry.key for entry in read_undo_list(tmp_path).entries()] == ["f2", "f1", "f0"]
    assert (tmp_path / NAME).read_bytes() == before
