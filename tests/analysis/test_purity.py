"""Tests of purity: outcome, report and review come from disk alone, with the same bytes anywhere."""

from __future__ import annotations

import builtins
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from gameday.analysis import write_outcome
from gameday_reports.charts import drawing_process
from gameday_reports.run_page.render import report_run
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import GOLDEN, ROOT, SOURCE_PATH

WRITTEN = ("outcome.json", "junit.xml", "report.html", "review.md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "run"))


def refuse(*args: object, **kwargs: object) -> NoReturn:
    raise AssertionError("outcome and report come from disk alone")


class NoEnvironment(dict[str, str]):
    """An environment that raises on every look-up."""

    __getitem__ = get = __contains__ = __iter__ = keys = items = refuse


def test_neither_clock_nor_environment_nor_network_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are written without clock, environment and network; the modules were loaded before."""
    write_outcome(folder)
    report_run(folder)
    before = {name: (folder / name).read_bytes() for name in WRITTEN}
    opened: list[Path] = []
    real = builtins.open

    def watched(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(Path(file))
        return real(file, *args, **kwargs)

    with monkeypatch.context() as patch:
        # The child that draws was started before; its time limits aren't part of a page.
        patch.setattr(drawing_process, "time", SimpleNamespace(monotonic=time.monotonic))
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "localtime", "gmtime"):
            patch.setattr(time, name, refuse)
        for name in ("socket", "create_connection", "getaddrinfo", "gethostname"):
            patch.setattr(socket, name, refuse)
        patch.setattr(subprocess, "Popen", refuse)
        patch.setattr(os, "environ", NoEnvironment())
        patch.setattr(os, "getenv", refuse)
        patch.setattr(builtins, "open", watched)
        write_outcome(folder)
        report_run(folder)
    assert {name: (folder / name).read_bytes() for name in WRITTEN} == before
    assert any(path.is_absolute() for path in opened)
    assert nonempty_all(
        path.is_relative_to(folder) or path.is_relative_to(ROOT) for path in opened if path.is_absolute()
    )


def test_elsewhere_it_is_the_same_to_the_byte(folder: Path, tmp_path: Path) -> None:
    """Another process, zone, home, folder, locale and hash seed give the same bytes."""
    write_outcome(folder)
    report_run(folder)
    other = Path(shutil.copytree(GOLDEN, tmp_path / "elsewhere" / "again"))
    environment = {"PYTHONPATH": SOURCE_PATH, "TZ": "Pacific/Chatham", "HOME": "/nonexistent", "LC_ALL": "C"}
    code = (
        "import sys, pathlib; from gameday_reports.run_page.render import report_run; from gameday.analysis import write_outcome;"
        "run = pathlib.Path(sys.argv[1]); write_outcome(run); report_run(run)"
    )
    command = [sys.executable, "-c", code, str(other)]
    subprocess.run(command, check=True, timeout=100, cwd="/", env={**environment, "PYTHONHASHSEED": "7"})
    for name in WRITTEN:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
