"""What the command prints where nobody takes it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gameday.cli import Pipe
from tests.support.small_disk import fill, small_disk


def test_a_terminal_that_hung_up_is_written_to_no_more() -> None:
    """Its words are dropped, without an error, now and later."""
    master, slave = os.openpty()
    os.close(master)
    with open(slave, "w", encoding="utf-8", buffering=1) as stream:  # noqa: PTH123 - a descriptor
        pipe = Pipe(stream)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(slave, b"x")
        pipe.write("hello\n")
        pipe.flush()
        assert os.write(slave, b"x") == 1
        assert pipe.lost == ""


def test_a_full_disk_loses_words_and_no_more(tmp_path: Path) -> None:
    """What is told once there is room again is there."""
    with (
        small_disk(tmp_path / "disk", 64 * 1024) as disk,
        (disk / "run.log").open("w", encoding="utf-8") as stream,
    ):
        pipe, filler = Pipe(stream), fill(disk)
        pipe.write("lost\n" * 2000)
        pipe.flush()
        assert pipe.lost == "No space left on device"
        filler.unlink()
        pipe.write("kept\n")
        pipe.flush()
        assert (disk / "run.log").read_text(encoding="utf-8").endswith("kept\n")


def test_what_could_not_be_printed_is_no_success() -> None:
    """A table on a full disk is cut short: said, and exit status 4."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gameday", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (4, "error: not all could be printed: No space left on device\n")


def test_an_output_that_was_closed_is_nowhere() -> None:
    """What the command came to is its exit status all the same."""
    command = f"exec {shlex.quote(sys.executable)} -m gameday list >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
