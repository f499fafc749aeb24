"""Standard streams that can't be written because they are closed, hung up or on a full disk."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gameday.console.standard_streams import StandardStream, result_console
from tests.support.small_disk import fill, small_disk


def test_output_to_a_terminal_that_hung_up_is_dropped() -> None:
    """Nothing is raised, and nothing counts as lost, since it has no reader."""
    master, slave = os.openpty()
    os.close(master)
    with open(slave, "w", encoding="utf-8", buffering=1) as stream:  # noqa: PTH123 - a descriptor
        stream_ = StandardStream(stream)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(slave, b"x")
        stream_.write("hello\n")
        stream_.flush()
        assert os.write(slave, b"x") == 1
        assert stream_.lost == ""


def test_output_to_a_full_disk_is_dropped_and_reported(tmp_path: Path) -> None:
    """Output that is written once there is room again arrives."""
    with (
        small_disk(tmp_path / "disk", 64 * 1024) as disk,
        (disk / "run.log").open("w", encoding="utf-8") as stream,
    ):
        stream_, filler = StandardStream(stream), fill(disk)
        stream_.write("lost\n" * 2000)
        stream_.flush()
        assert stream_.lost == "No space left on device"
        filler.unlink()
        stream_.write("kept\n")
        stream_.flush()
        assert (disk / "run.log").read_text(encoding="utf-8").endswith("kept\n")


def test_a_command_with_incomplete_output_fails() -> None:
    """A table that is truncated by a full disk makes an error message and exit status 4."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gameday", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (4, "error: the output is incomplete: No space left on device\n")


def test_a_closed_output_is_ignored() -> None:
    """The exit status is that of the command."""
    command = f"exec {shlex.quote(sys.executable)} -m gameday list >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("on_stdout", [True, False])
def test_results_go_to_standard_output_unless_it_is_taken(
    on_stdout: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """If standard output holds JSON, results for people are on standard error."""
    result_console(on_stdout=on_stdout).print("passed")
    output = capsys.readouterr()
    assert (output.out, output.err) == (("passed\n", "") if on_stdout else ("", "passed\n"))
