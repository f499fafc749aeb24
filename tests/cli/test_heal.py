"""`gameday heal`: what it removes, what it never touches, and what it says."""

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
from gameday.substrates.process.process_tree import ProcessTree, outlasting, strays, sweep
from tests.support.reaper_lab import PATIENCE_S, Run, runner

Gameday = Callable[..., int]
ORPHAN = "import os, signal\nif os.fork() == 0:\n    os.setsid()\n    signal.pause()"


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of runs that is the test's own, and no engine whose containers are others'."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    assert sweep(made.id, 0) == []


@pytest.fixture
def gameday(capsys: pytest.CaptureFixture[str]) -> Gameday:
    return lambda *words: int(heal.main(words, standalone_mode=False) or 0)


def orphan(run: Run) -> None:
    """A process of the run that lost its parent, as when the runner was killed and no reaper was there."""
    environment = {**os.environ, "GAMEDAY_RUN": run.id}
    subprocess.run([sys.executable, "-c", ORPHAN], env=environment, check=True, timeout=PATIENCE_S)


def test_a_run_whose_runner_is_gone(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Named by nobody: found by the list, taken down, its journal ended."""
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


def test_the_token_of_a_run_that_nothing_else_is_known_of(run: Run, gameday: Gameday) -> None:
    """It opens nothing any more; that of a run whose runner lives stays."""
    run.entry.unlink()
    living = run.key.with_name(f"{run.id}-lives.json")
    living.write_text("{}")
    held = claim(living.stem)
    assert held
    with held:
        gameday()
    assert not run.key.exists()
    assert living.exists()


def test_by_its_folder(run: Run, gameday: Gameday) -> None:
    """Also where no list names it."""
    run.entry.unlink()
    assert gameday(str(run.folder)) == 0
    assert run.gone()


def test_dry_run(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Says what there is, and touches nothing."""
    orphan(run)
    assert gameday("--dry-run") == 0
    assert f"{run.id}: would be removed: 1 process, work/" in capsys.readouterr().out
    assert len(strays(run.id)) == 1
    assert run.work.exists()
    assert not run.events("cleanup")


def test_a_runner_that_lives(run: Run, gameday: Gameday) -> None:
    """Is known by its claim, though the list has another process: refused by name, left out else."""
    with runner(run) as made:
        assert gameday() == 0
        with pytest.raises(click.ClickException, match=f"the runner of {run.id} lives"):
            gameday(run.id)
        assert len(strays(run.id)) == 4
        assert run.work.exists()
        made.kill()
        made.await_reaper()


def test_a_runner_that_is_listed(run: Run, gameday: Gameday) -> None:
    """Is known by its process and when that began."""
    with active_runs.registered(run.id, run.folder):
        assert gameday() == 0
        with pytest.raises(click.ClickException, match=f"lives \\(pid {os.getpid()}\\)"):
            gameday(run.id)
    assert run.work.exists()


def test_processes_of_somebody_elses_runner(run: Run, gameday: Gameday) -> None:
    """No list names it and it claims nothing, but its processes have a parent that lives."""
    run.entry.unlink()
    log = run.root / "log"
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    tree = ProcessTree.spawn(command, environment, run.root, log, run.id, "us-east.web.1")
    assert gameday("--all") == 0
    assert not tree.ended()
    assert tree.kill()


def test_what_is_left(run: Run, gameday: Gameday, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 5, with the command that removes it; the list goes on naming it, and the next time it may be gone."""
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
    """Of a run that never was; and where no run left anything."""
    assert gameday() == 0
    assert "nothing is left" in capsys.readouterr().out
    with pytest.raises(click.ClickException, match="nothing is known"):
        gameday("20260102-030405-ab12")


def test_a_claim_alone(run: Run, gameday: Gameday) -> None:
    """Is enough to be refused, where no list names the run and nothing of it runs."""
    run.entry.unlink()
    held = claim(run.id)
    assert held
    with held, pytest.raises(click.ClickException, match="lives"):
        gameday(str(run.folder))
    assert run.work.exists()


def test_a_process_that_ends_itself_meanwhile(run: Run, gameday: Gameday) -> None:
    """Is no error."""
    orphan(run)
    (process,) = strays(run.id)
    assert isinstance(process, psutil.Process)
    process.send_signal(signal.SIGKILL)
    assert outlasting([process], PATIENCE_S) == []
    assert gameday(run.id) == 0
    assert run.gone()


def test_a_run_that_left_something(run: Run, gameday: Gameday) -> None:
    """Stays in the list when it ends, as nobody's, though its process goes on: heal takes it up by that."""
    with active_runs.registered(run.id, run.folder) as entry:
        entry.stay()
    assert run.entry.exists()
    assert active_runs.runs() == []
    orphan(run)
    assert gameday() == 0
    assert run.gone()


def test_what_to_type_for_what_is_left() -> None:
    """A thing's own remover where it has one; heal for all else, and a restart first where nothing else helps."""
    assert removal_command("r1", "container 0123456789ab") == "docker rm --force --volumes 0123456789ab"
    assert removal_command("r1", "what the run has on the engine (it hangs)") == "gameday heal r1"
    assert "after a restart" in removal_command(
        "r1", "network 0123: the Docker engine says: network x has active endpoints"
    )


def test_a_folder_that_is_no_runs(tmp_path: Path, gameday: Gameday) -> None:
    """Somebody's own folder that happens to have a `work` in it is never touched, however it is named."""
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
    """What it leads to stays as it is."""
    elsewhere = tmp_path / "elsewhere"
    text = (run.folder / "journal.jsonl").read_bytes()
    elsewhere.write_bytes(text)
    (run.folder / "journal.jsonl").unlink()
    (run.folder / "journal.jsonl").symlink_to(elsewhere)
    gameday(run.id)
    assert elsewhere.read_bytes() == text


def test_an_entry_of_an_older_gameday_is_nobody_s(run: Run, gameday: Gameday) -> None:
    """It told the time of day at which its process began: heal takes up what there is of it."""
    by_name = {"run": run.id, "pid": os.getpid(), "created": 1.5, "folder": str(run.folder)}
    run.entry.write_text(json.dumps(by_name), encoding="utf-8")
    orphan(run)
    assert gameday(run.id) == 0
    assert run.gone()
