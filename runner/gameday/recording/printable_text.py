"""Characters that change how a text is shown, not what it says: found in input, made visible in output.

They are the control characters C0, C1 and DEL except tab and newline, the line and paragraph separators, the
directional marks and overrides of Unicode's bidirectional algorithm (UAX #9), and lone surrogates. A terminal, a
browser or a CI log acts on them: a line can erase itself, or read in another order than it runs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_HIDDEN = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u061c\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
HIDDEN = re.compile(f"[{_HIDDEN}]")


def visible(text: str) -> str:
    """Return the text with each hidden character as its escape: ESC becomes the four characters `\\x1b`."""
    return HIDDEN.sub(lambda match: _escape(match[0]), text)


def single_line(text: str) -> str:
    """Return the text on one line: `visible`, with each newline as a space."""
    return visible(" ".join(text.split("\n")))


def hidden_characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (line, column, description) of each hidden character; lines and columns count from 1."""
    for match in HIDDEN.finditer(text):
        offset = match.start()
        line = text.count("\n", 0, offset) + 1
        column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        yield line, column, describe(match[0])


def describe(character: str) -> str:
    """Return how a message names a character: its escape, and its Unicode name if it has one."""
    name = unicodedata.name(character, "")
    return f"{_escape(character)} ({name})" if name else _escape(character)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
