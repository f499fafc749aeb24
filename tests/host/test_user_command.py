"""Programs of the user's: status, output, time-out and cancellation."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil
import pytest

from gameday.host.user_command import CommandFailed, filled, run_command
from tests.support.waiting import until


def test_a_program_runs_in_the_folder_without_a_shell(tmp_path: Path) -> None:
    """Arguments arrive as they are, and the output is returned."""
    code = "import os, sys; print(os.getcwd(), sys.argv[1])"
    assert run_command([sys.executable, "-c", code, "$HOME; ls"], 60, tmp_path) == f"{tmp_path} $HOME; ls\n"


def test_variables_are_filled_in_and_others_stay() -> None:
    """Only the variables that are known are replaced."""
    assert filled(["x-${release}", "$HOME", "${other}"], {"release": "v2"}) == ["x-v2", "$HOME", "${other}"]


def test_a_failure_names_status_and_the_end_of_the_log(tmp_path: Path) -> None:
    """The error holds the exit status and what the program wrote last."""
    with pytest.raises(CommandFailed, match=r"exit status 3: no such cluster$"):
        run_command(["sh", "-c", "echo no such cluster >&2; exit 3"], 60, tmp_path)
    with pytest.raises(CommandFailed, match=r"signal 9$"):
        run_command(["sh", "-c", "kill -9 $$"], 60, tmp_path)
    with pytest.raises(CommandFailed, match=r"nowhere-to-be-found: can't be started in .*: No such file"):
        run_command(["nowhere-to-be-found"], 60, tmp_path)


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """At the time-out nothing of the program is left."""
    command = ["sh", "-c", "sleep 300 & echo $! > child; wait"]
    with pytest.raises(CommandFailed, match=r"not done within 2 s, and was killed"):
        run_command(command, 2, tmp_path)
    child = int((tmp_path / "child").read_text(encoding="utf-8"))

    def is_gone() -> bool:
        return not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

    until(is_gone, "the program's child to end")


def test_a_program_is_killed_when_it_is_cancelled(tmp_path: Path) -> None:
    """A rollback doesn't wait for the deploy that it reverts."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(CommandFailed, match="was cancelled"):
        run_command(["sleep", "300"], 300, tmp_path, stop)


def test_a_server_that_is_left_running_does_not_hold_the_call_up(tmp_path: Path) -> None:
    """A command that starts a server in the background is done when it ends itself."""
    pid = int(run_command(["sh", "-c", "sleep 300 & echo $!"], 60, tmp_path))
    psutil.Process(pid).kill()
