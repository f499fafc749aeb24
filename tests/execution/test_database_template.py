"""The template of the database: whole, or made again; never built while services wait, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gameday.execution import database_template
from gameday.host.bound_child import bound_command
from gameday.host.child_python import inherited_environment
from gameday.ports import PortError
from gameday.topology import bundled
from tests.support.waiting import until

FILES = {"PG_VERSION": "16", "global/pg_control": "x" * 20, "base/1/2": "rows"}
SLOW_SEED = """
import pathlib, sys, tempfile, time
with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    pathlib.Path(sys.argv[1], "began").touch()
    time.sleep(600)
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a fake make templates in a cache of its own; return what was made."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: list[str] = []

    def run_seed(*arguments: str) -> str:
        if arguments == ("--key",):
            return "k1\n"
        made.append(arguments[0])
        for name, text in FILES.items():
            path = Path(arguments[0], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return ""

    monkeypatch.setattr(database_template, "run_seed", run_seed)
    return made


def test_a_whole_template_is_made_once(made: list[str]) -> None:
    """A template that is whole is used again."""
    folder = database_template.template()
    assert database_template.template() == folder
    assert made == [str(folder)]


@pytest.mark.parametrize("name", [*FILES, "k1.files"])
@pytest.mark.parametrize("how", ["removed", "cut"])
def test_a_damaged_template_is_made_again(made: list[str], name: str, how: str) -> None:
    """If a file is missing or has another size, the template is made again, and nothing else stays in the cache."""
    folder = database_template.template()
    path = folder / name if name in FILES else database_template.listing(folder)
    if how == "removed":
        path.unlink()
    else:
        path.write_text("{", encoding="utf-8")
    assert database_template.template() == folder
    assert database_template.is_whole(folder)
    assert {name: (folder / name).read_text(encoding="utf-8") for name in FILES} == FILES
    assert sorted(path.name for path in folder.parent.iterdir()) == ["template-k1", "template-k1.files"]
    assert len(made) == (1 if (how, name) == ("removed", "k1.files") else 2)


def test_a_template_of_an_older_version_without_its_first_file_is_made_again(made: list[str]) -> None:
    """A template without a list lacks PG_VERSION: it is made again."""
    folder = database_template.template()
    database_template.listing(folder).unlink()
    (folder / "PG_VERSION").unlink()
    assert database_template.is_whole(database_template.template())
    assert len(made) == 2


def test_a_cache_that_cannot_be_used_names_the_cure(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the cache can't be written, the error says so and names XDG_CACHE_HOME; the cure works."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(PortError, match="set XDG_CACHE_HOME to a folder of your own"):
        database_template.template()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert database_template.is_whole(database_template.template())


def test_the_making_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    """A child that makes a template ends if its parent is killed, and removes its temporary folder."""
    (tmp_path / "slow_seed.py").write_text(SLOW_SEED, encoding="utf-8")
    command = bound_command("slow_seed", str(tmp_path))
    # The parent puts its own process id where this process's is.
    parent = "import os, subprocess, sys; subprocess.run([str(os.getpid()) if w == sys.argv[1] else w for w in sys.argv[2:]])"
    process = subprocess.Popen(
        [sys.executable, "-c", parent, str(os.getpid()), *command],
        env=inherited_environment(bundled.compose(), tmp_path),
    )
    until((tmp_path / "began").exists, "the child works", 60)
    (child,) = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child ended", 60)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) in ([], ["__pycache__"])
