"""Tests of characters that change how a text is shown."""

from __future__ import annotations

import pytest

from gameday.recording.printable_text import hidden_characters, single_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢 😀\n\tindented", "plain ü 漢 😀\n\tindented"),
        ("\x1b[2Kgone", "\\x1b[2Kgone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\x0db"),
        ("\x00\x7f\x85\x9b", "\\x00\\x7f\\x85\\x9b"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("\u2028\u200f\u061c", "\\u2028\\u200f\\u061c"),
        ("\ud800", "\\ud800"),
    ],
)
def test_hidden_characters_become_escapes(text: str, shown: str) -> None:
    """Control, bidirectional and separator characters are written out; letters, tab and newline stay."""
    assert visible(text) == shown
    shown.encode("utf-8")


def test_a_text_on_one_line_has_no_line_starts_inside() -> None:
    """A newline can't begin a command of a CI log or a heading of a page."""
    assert single_line("note\n::error::x\n## y") == "note ::error::x ## y"


def test_each_hidden_character_has_its_place() -> None:
    """Lines and columns count from 1, and the description has the Unicode name if there is one."""
    assert list(hidden_characters("ab\x1b\n\u202ec\x00")) == [
        (1, 3, "\\x1b"),
        (2, 1, "\\u202e (RIGHT-TO-LEFT OVERRIDE)"),
        (2, 3, "\\x00"),
    ]
