"""Tests of consoles that show text from outside as text."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from gameday.console import rich_console
from gameday.console.standard_streams import StandardStream

HOSTILE = "a\x1b[2Kb\x1b]0;title\x07c\u202ed\ud800"
SHOWN = "a\\x1b[2Kb\\x1b]0;title"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "make", [str, Text, lambda text: Table(text, title=text)], ids=["str", "text", "table"]
)
def test_a_terminal_shows_escape_sequences_of_texts(make: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences in a text, a table or its title are written out; the console's own colours work."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", StandardStream(terminal))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    console = rich_console.console(highlight=False)
    console.print(make(HOSTILE), style="red")
    console.bell()
    written = terminal.getvalue()
    assert SHOWN in written
    assert "\x1b[31m" in written
    assert "\x1b[2K" not in written
    assert "\x1b]" not in written
    assert written.endswith("\x07")


def test_a_pipe_gets_no_escape_sequence_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever writes to a pipe or a log, its control characters are written out and the text can be encoded."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    StandardStream(pipe).write(HOSTILE + "\r\n")
    pipe.flush()
    written = pipe.buffer.getvalue().decode()
    assert written == SHOWN + "\\x07c\\u202ed\\ud800\\x0d\n"
