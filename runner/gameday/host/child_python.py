"""Child Python processes: the command, environment and working folder that each of them starts with.

A child runs gameday's code, whatever surrounds the user. Modules in the user's current folder (`random.py`) and
packages on the user's PYTHONPATH never shadow it: the interpreter starts with `-P`, in gameday's own folder, with a
PYTHONPATH that gameday sets. PYTHONSAFEPATH does for a grandchild what `-P` does for the child.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

import gameday

FOLDER = Path(gameday.__file__).resolve().parent
"""Working folder of the children that have none of their own."""
HOME = FOLDER.parent
"""Folder that holds the package `gameday`: a source root, or site-packages."""
MINIMAL = ("PATH", "HOME", "LANG")


def child_command(*arguments: str) -> list[str]:
    """Return the argv of this interpreter with `arguments`, the current folder off its import path."""
    return [sys.executable, "-P", *arguments]


def script_command(script: str, *arguments: str) -> list[str]:
    """Return the argv that runs a script of the standard library's modules alone, isolated (`-I`)."""
    return [sys.executable, "-I", script, *arguments]


def inherited_environment(*folders: Path, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return this process's environment, but with gameday's import path and no variable named in `without`."""
    kept = {key: value for key, value in os.environ.items() if key not in without}
    return _with_import_path(kept, folders)


def minimal_environment(*folders: Path) -> dict[str, str]:
    """Return PATH, HOME and LANG, if they are set, with gameday's import path."""
    return _with_import_path({key: os.environ[key] for key in MINIMAL if key in os.environ}, folders)


def import_path(*folders: Path) -> str:
    """Return a PYTHONPATH of `folders`, then the folder of `gameday` unless every interpreter searches it anyway.

    Site-packages is left out: on PYTHONPATH it would come before the standard library.
    """
    homes = () if HOME in _site_folders() else (HOME,)
    return os.pathsep.join(str(folder.resolve()) for folder in (*folders, *homes))


def protect_spawned_children() -> None:
    """Keep the current folder off the import path of children that the standard library starts.

    `multiprocessing` gives its children no `-P`; they inherit this process's environment.
    """
    os.environ["PYTHONSAFEPATH"] = "1"


def _with_import_path(environment: Mapping[str, str], folders: tuple[Path, ...]) -> dict[str, str]:
    paths = import_path(*folders)
    kept = {key: value for key, value in environment.items() if key != "PYTHONPATH"}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"} | ({"PYTHONPATH": paths} if paths else {})


def _site_folders() -> set[Path]:
    return {Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())}
