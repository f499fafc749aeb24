"""End of an instance's log."""

from __future__ import annotations

from pathlib import Path

from gameday.ports import Instance
from gameday.substrates.instance_log import failure, log_end, out_of_memory

WEB = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")


def test_last_lines(tmp_path: Path) -> None:
    """The end of a log is at most fifteen lines, also of a long log with bytes that aren't text."""
    log = tmp_path / "x.log"
    log.write_bytes(b"\xff" * 20000 + b"\n" + b"".join(b"line %d\n" % number for number in range(100)))
    assert log_end(log).splitlines() == [f"line {number}" for number in range(85, 100)]


def test_no_log(tmp_path: Path) -> None:
    """A missing log is reported as empty."""
    assert log_end(tmp_path / "none.log") == ""
    text = failure(WEB, "ended", tmp_path / "none.log")
    assert text.startswith("us-east.web.1 (web-1.0.0) ended; its log is empty")


def test_out_of_memory() -> None:
    """The message is the same on every substrate; it has the memory used if that is known."""
    assert out_of_memory(128 << 20) == "out of memory: 128.0 MiB allowed"
    assert out_of_memory(128 << 20, 131 << 20) == "out of memory: 131.0 MiB used, 128.0 MiB allowed"
