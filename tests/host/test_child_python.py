"""Child Python processes run gameday's code, whatever lies in the current folder or on PYTHONPATH."""

from __future__ import annotations

import ast
import json
import os
import site
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gameday.host.child_python import (
    FOLDER,
    HOME,
    child_command,
    import_path,
    inherited_environment,
    minimal_environment,
    protect_spawned_children,
    script_command,
)
from tests.support.offenders import refuse
from tests.support.paths import ROOT

SHADOWS = ("random", "types", "logging", "json", "gameday", "gameday_reports", "runner", "reports")
WHERE = "import json, os, sys, gameday; print(json.dumps([json.__file__, gameday.__file__, os.getcwd()]))"
SOURCES = sorted((ROOT / "runner/gameday").rglob("*.py")) + sorted((ROOT / "reports").rglob("*.py"))
NAMES_INTERPRETER = {
    "host/child_python.py",  # starts all other children
    "host/machine_probe.py",  # times an interpreter without gameday
    "execution/machine_checks.py",  # prints the path
    "cli/drill.py",  # replaces its own process
}


@pytest.fixture
def surrounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder, on PYTHONPATH too, whose modules end every process that imports them."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the user was imported')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("environment", [inherited_environment, minimal_environment])
def test_nothing_of_the_user_is_imported(surrounded: Path, environment: Callable[[], dict[str, str]]) -> None:
    """A child finds the standard library and gameday, and doesn't stand in the user's folder."""
    command = child_command("-c", WHERE)
    printed = subprocess.check_output(command, env=environment(), cwd=FOLDER, timeout=60)
    library, package, folder = json.loads(printed)
    assert Path(library).parent == Path(json.__file__).parent
    assert Path(package).parent == FOLDER == Path(folder)


def test_a_script_is_isolated(surrounded: Path) -> None:
    """A script that needs the standard library alone sees neither PYTHONPATH nor its own folder."""
    script = surrounded / "script.py"
    script.write_text("import random, types; print(random.__file__)")
    printed = subprocess.check_output(script_command(str(script)), cwd=surrounded, timeout=60, text=True)
    assert not Path(printed.strip()).is_relative_to(surrounded)


def test_children_of_the_standard_library(surrounded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `multiprocessing` starts, without `-P`, doesn't search the current folder either."""
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    command = [sys.executable, "-c", "import multiprocessing.spawn, random"]
    assert subprocess.run(command, timeout=60, capture_output=True).returncode == 1
    protect_spawned_children()
    try:
        assert subprocess.run(command, timeout=60, capture_output=True).returncode == 0
    finally:
        del os.environ["PYTHONSAFEPATH"]


def test_commands() -> None:
    """A child starts with `-P`, a script of the standard library alone with `-I`."""
    assert child_command("-m", "x") == [sys.executable, "-P", "-m", "x"]
    assert script_command("x.py", "y") == [sys.executable, "-I", "x.py", "y"]


def test_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders come first, then the package's home, unless that is site-packages, which comes by itself."""
    assert import_path(tmp_path) == f"{tmp_path}{os.pathsep}{HOME}"
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(HOME)])
    assert import_path(tmp_path) == str(tmp_path)
    assert "PYTHONPATH" not in minimal_environment()
    assert minimal_environment(tmp_path)["PYTHONPATH"] == str(tmp_path)


def test_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """One environment keeps all but what is named as secret, the other next to nothing."""
    monkeypatch.setenv("SECRET_OF_THE_RUNNER", "x")
    monkeypatch.setenv("OTHER", "y")
    inherited = inherited_environment(without=("SECRET_OF_THE_RUNNER",))
    assert inherited["OTHER"] == "y"
    assert "SECRET_OF_THE_RUNNER" not in inherited
    assert set(minimal_environment()) <= {
        *("PATH", "HOME", "LANG", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUNBUFFERED")
    }


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield (dotted name, call) of each call in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def started_otherwise(name: str, source: str) -> Iterator[str]:
    """Yield what the module does in its own way to start children."""
    tree = ast.parse(source)
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "executable"]
    if named and name not in NAMES_INTERPRETER:
        yield f"{name} starts an interpreter by itself"
    for function, call in calls(tree):
        if function.startswith(("subprocess.", "Popen", "asyncio.create_subprocess")):
            given = {keyword.arg for keyword in call.keywords}
            if not given >= {"env", "cwd"} and function != "subprocess.TimeoutExpired":
                yield f"{name}:{call.lineno} gives no environment or no folder"
    for node in ast.walk(tree):
        if isinstance(node, ast.List):
            words = [getattr(element, "value", None) for element in node.elts]
            if words[:1] == ["python3"] and words[1:2] != ["-I"]:
                yield f"{name}:{node.lineno} starts python3 without -I"
    if "multiprocessing" in source and "protect_spawned_children()" not in source:
        yield f"{name} uses multiprocessing without protect_spawned_children()"


def test_every_child_is_started_alike() -> None:
    """No module but one names the interpreter; each `subprocess` call gives an environment and a folder.

    `multiprocessing` is used only by a module that protects what it starts; `python3` in a container is isolated.
    """
    assert len(SOURCES) > 300
    refuse(
        offender
        for path in SOURCES
        for offender in started_otherwise(
            str(path.relative_to(ROOT)).removeprefix("runner/gameday/"), path.read_text(encoding="utf-8")
        )
    )


def test_each_other_way_to_start_a_child_is_found() -> None:
    """The rules above find each offender."""
    source = (
        "sys.executable\nsubprocess.run(['x'], env={}, cwd='/')\nsubprocess.run(['x'], env={})\n"
        "['python3', '-c']\n['python3', '-I']\nimport multiprocessing\n"
    )
    assert list(started_otherwise("module.py", source)) == [
        "module.py starts an interpreter by itself",
        "module.py:3 gives no environment or no folder",
        "module.py:4 starts python3 without -I",
        "module.py uses multiprocessing without protect_spawned_children()",
    ]


def test_containers_don_t_search_their_folder() -> None:
    """The image sets for every interpreter in a container what `-P` sets for a child process."""
    assert "PYTHONSAFEPATH=1" in (ROOT / "compose/Dockerfile").read_text(encoding="utf-8")
