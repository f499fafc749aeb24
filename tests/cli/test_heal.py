"""`gameday heal`: what it removes, what it never touches, and what it prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import psutil
import pytest

from gameday.cli.heal import heal
from gameday.console.leftover_commands import removal_command
from gameday.execution import active_runs
from gameday.reaper.runner_claim import claim
from gameday.recording.sealed_files import Seal
from gameday.recording.undo_list import UndoEntry, UndoList, read_undo_list
from gameday.substrates.process.process_tree import ProcessTree, outlasting, strays, sweep
from tests.support.page_receivers import receiving
from tests.support.reaper_lab import PATIENCE_S, Run, runner

Gameday = Callable[..., int]
ORPHAN = "import os, signal\nif os.fork() == 0:\n    os.setsid()\n    signal.pause()"


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test a list of runs of its own, and no engine, since that may hold other containers."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    example = Run(tmp_path)
    yield example
    assert sweep(example.id, 0) == []


@pytest.fixture
def gameday(capsys: pytest.CaptureFixture[str]) -> Gameday:
    return lambda *words: int(heal.main(words, standalone_mode=False) or 0)


def orphan(run: Run) -> None:
    """Start a process of the run that loses its parent, as after a killed runner without a reaper."""
    environment = {**os.environ, "GAMEDAY_RUN": run.id}
    subprocess.run([sys.executable, "-c", ORPHAN], env=environment, check=True, timeout=PATIENCE_S)


def test_a_run_whose_runner_is_gone(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Heal finds the run by the list, tears it down and closes its journal."""
    orphan(run)
    run.make_runtime_folder()
    assert gameday() == 0
    assert run.gone()
    out = capsys.readouterr().out
    assert f"{run.id}: removed: 1 process, " in out
    assert "work/, the operators' token" in out
    assert f"gameday report {run.folder}" in out
    assert gameday(str(run.folder)) == 0
    assert "there is nothing left" in capsys.readouterr().out


def test_the_token_of_an_unknown_run_is_removed(run: Run, gameday: Gameday) -> None:
    """The useless token is removed; the token of a run in progress stays."""
    run.entry.unlink()
    living = run.key.with_name(f"{run.id}-lives.json")
    living.write_text("{}")
    living_claim = claim(living.stem)
    assert living_claim
    with living_claim:
        gameday()
    assert not run.key.exists()
    assert living.exists()


def test_by_its_folder(run: Run, gameday: Gameday) -> None:
    """Heal finds a run by its folder even if no list has it."""
    run.entry.unlink()
    assert gameday(str(run.folder)) == 0
    assert run.gone()


def test_dry_run(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run prints what is left and touches nothing."""
    orphan(run)
    assert gameday("--dry-run") == 0
    assert f"{run.id}: would be removed: 1 process, work/" in capsys.readouterr().out
    assert len(strays(run.id)) == 1
    assert run.work.exists()
    assert not run.events("cleanup")


def test_a_runner_that_lives(run: Run, gameday: Gameday) -> None:
    """A claimed run, even if listed with another process, is refused by name and left out otherwise."""
    with runner(run) as process:
        assert gameday() == 0
        with pytest.raises(click.ClickException, match=f"the runner of {run.id} lives"):
            gameday(run.id)
        assert len(strays(run.id)) == 4
        assert run.work.exists()
        process.kill()
        process.await_reaper()


def test_a_runner_that_is_listed(run: Run, gameday: Gameday) -> None:
    """A runner is identified by its process id and the process's start."""
    with active_runs.registered(run.id, run.folder):
        assert gameday() == 0
        with pytest.raises(click.ClickException, match=f"lives \\(pid {os.getpid()}\\)"):
            gameday(run.id)
    assert run.work.exists()


def test_processes_of_a_live_parent_are_not_touched(run: Run, gameday: Gameday) -> None:
    """Processes of a run that is neither listed nor claimed aren't touched if their parent is alive."""
    run.entry.unlink()
    log = run.root / "log"
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    tree = ProcessTree.spawn(command, environment, run.root, log, run.id, "us-east.web.1")
    assert gameday("--all") == 0
    assert not tree.ended()
    assert tree.kill()


def test_what_is_left(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 5 and the command that removes the rest; the entry stays, so that heal can be
    repeated."""
    elsewhere = run.root / "elsewhere"
    run.work.rename(elsewhere)
    run.work.symlink_to(elsewhere)
    assert gameday(run.id) == 5
    assert f"sudo rm -r {run.work}" in capsys.readouterr().err
    assert (elsewhere / "names.json").exists()
    assert run.entry.exists()
    run.work.unlink()
    assert gameday() == 0
    assert not run.entry.exists()


def test_nothing_is_known(gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Heal reports an unknown run, and also that no run left anything."""
    assert gameday() == 0
    assert "nothing is left" in capsys.readouterr().out
    with pytest.raises(click.ClickException, match="nothing is known"):
        gameday("20260102-030405-ab12")


def test_a_claim_alone(run: Run, gameday: Gameday) -> None:
    """A claimed run is refused even if it has neither an entry nor a process."""
    run.entry.unlink()
    claimed = claim(run.id)
    assert claimed
    with claimed, pytest.raises(click.ClickException, match="lives"):
        gameday(str(run.folder))
    assert run.work.exists()


def test_a_process_that_ends_itself_meanwhile(run: Run, gameday: Gameday) -> None:
    """A process that ends during the clean-up is no error."""
    orphan(run)
    (process,) = strays(run.id)
    assert isinstance(process, psutil.Process)
    process.send_signal(signal.SIGKILL)
    assert outlasting([process], PATIENCE_S) == []
    assert gameday(run.id) == 0
    assert run.gone()


def test_a_run_that_left_something(run: Run, gameday: Gameday) -> None:
    """Its entry stays without a process, though the process goes on; heal finds the run by the entry."""
    with active_runs.registered(run.id, run.folder) as entry:
        entry.stay()
    assert run.entry.exists()
    assert active_runs.runs() == []
    orphan(run)
    assert gameday() == 0
    assert run.gone()


def test_what_to_type_for_what_is_left() -> None:
    """A thing with a remover of its own has that command; all others have heal, after a restart if
    they need one."""
    assert removal_command("r1", "container 0123456789ab") == "docker rm --force --volumes 0123456789ab"
    assert removal_command("r1", "what the run has on the engine (it hangs)") == "gameday heal r1"
    assert "after a restart" in removal_command(
        "r1", "network 0123: the Docker engine says: network x has active endpoints"
    )


def test_a_folder_that_is_no_runs(tmp_path: Path, gameday: Gameday) -> None:
    """A folder that isn't a run's is never touched, even if it has a `work` folder in it."""
    for name in ("project", "20260102-030405-ab1", "a/../project"):
        work = tmp_path / name / "work"
        (tmp_path / "a").mkdir(exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        (work / "thesis.txt").write_text("years")
        (work.parent / "journal.jsonl").write_text(
            '{"t":0,"kind":"run.started","subject":"another","data":{}}\n'
        )
        with pytest.raises(click.ClickException, match="nothing is known"):
            gameday(str(tmp_path / name))
        assert (work / "thesis.txt").exists()


def test_a_journal_that_is_a_link(run: Run, gameday: Gameday, tmp_path: Path) -> None:
    """The target of the link stays as it is."""
    elsewhere = tmp_path / "elsewhere"
    text = (run.folder / "journal.jsonl").read_bytes()
    elsewhere.write_bytes(text)
    (run.folder / "journal.jsonl").unlink()
    (run.folder / "journal.jsonl").symlink_to(elsewhere)
    gameday(run.id)
    assert elsewhere.read_bytes() == text


def test_an_entry_of_an_older_version_counts_as_dead(run: Run, gameday: Gameday) -> None:
    """An entry that has the process's start as a time of day counts as dead: heal removes what the
    run left."""
    by_name = {"run": run.id, "pid": os.getpid(), "created": 1.5, "folder": str(run.folder)}
    run.entry.write_text(json.dumps(by_name), encoding="utf-8")
    orphan(run)
    assert gameday(run.id) == 0
    assert run.gone()


def test_pages_that_are_still_open(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Heal names them, and resolves them at the receivers that it is given, as no file has their addresses."""
    run.page("a1", "a2")
    assert gameday(str(run.folder)) == 5
    assert f"{run.id}: pages still open: a1, a2" in capsys.readouterr().err
    with receiving(503, 200) as page:
        assert gameday(str(run.folder), "--page-to", f"json={page.url}") == 0
        assert [page.next()["id"] for _ in range(3)] == [f"gameday-{run.id}-{a}" for a in ("a1", "a1", "a2")]
    assert f"{run.id}: pages resolved: a1, a2" in capsys.readouterr().out
    assert [event.subject for event in run.events("alert.resolved")] == ["a1", "a2"]
    assert gameday(str(run.folder)) == 0


def test_what_a_drill_left_to_undo(gameday: Gameday, tmp_path: Path) -> None:
    """The journal of a drill is sealed: heal opens it first, so that it knows whose undos these are."""
    run = Run(tmp_path, "20260102-030405-ab12")
    (tmp_path / "fault").touch()
    undo = UndoList(run.folder)
    undo.add(UndoEntry("f1", "a slow disk", ("rm", "fault"), 5.0, str(tmp_path)))
    journal = run.folder / "journal.jsonl"
    whole = journal.read_text(encoding="utf-8").rpartition("\n")[0]
    text = whole.replace('"process"', '"external"')
    assert '"external"' in text
    Seal(run.folder).write(journal, text)
    journal.unlink()
    assert gameday() == 0
    assert not (tmp_path / "fault").exists()
    assert list(read_undo_list(run.folder).entries()) == []
    assert run.gone()
