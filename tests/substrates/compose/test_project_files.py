"""Compose is called with generated files; none of its calls outlives the run's end."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.scenario.own.own_system import ComposeFiles
from gameday.substrates.compose import project_files
from gameday.substrates.compose.compose_program import FoundSettings
from gameday.substrates.compose.project_files import ProjectFiles
from tests.support.waiting import until

SLOW = """import sys, time
open(sys.argv[1], "a").write(sys.argv[4] + "\\n")
time.sleep(600 if sys.argv[4] == "up" else 0)
"""


def test_no_up_is_in_flight_if_the_project_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's end kills an `up` and awaits its end before it stops the project; a later `up` is refused."""
    (tmp_path / "compose.py").write_text(SLOW, encoding="utf-8")
    log = tmp_path / "log"
    program = [sys.executable, str(tmp_path / "compose.py"), str(log)]
    monkeypatch.setattr(project_files, "project_command", lambda *_, settings: program)
    closing = threading.Event()
    files = ProjectFiles(ComposeFiles(), tmp_path, "shop", FoundSettings(), tmp_path / "work", closing)
    errors: list[Any] = []

    def up() -> None:
        try:
            files.up()
        except PortError as error:
            errors.append(str(error))

    thread = threading.Thread(target=up)
    thread.start()
    until(lambda: log.is_file() and log.read_text() == "up\n", "Compose runs")
    closing.set()
    files.stop()
    thread.join(20)
    assert "was cancelled" in errors[0]
    with pytest.raises(PortError, match="the run is closing"):
        files.up("web")
    assert log.read_text() == "up\nstop\n"
