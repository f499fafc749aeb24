"""Text from outside in Markdown, escaped so that it stays text: no mark-up, no link, no HTML, on
one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$@]|:(?=//)|(?<=www)\.)")
LEADING = re.compile(r"^(?:([-+=])|(\d{1,9})([.)])(?=\s|$))")


def plain(words: str) -> str:
    """Escape words for a paragraph, a list item or a table cell. An address in them becomes no link."""
    escaped = SPECIAL.sub(r"\\\1", line(words))
    return LEADING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", escaped)


def code(words: str) -> str:
    """Return words between backticks, for use outside tables."""
    return f"`{line(words).replace('`', chr(39))}`"


def line(words: str) -> str:
    """Return the text on one line, without invisible characters."""
    return " ".join(_visible(words).split())


def _visible(words: str) -> str:
    return "".join(word if word.isprintable() else " " for word in words)


def block(words: str) -> list[str]:
    """Return a command as a fenced block whose fence no line of it can end."""
    longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", _visible(words), fence]


def table(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a table; cells are escaped, headings are the caller's own."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in cells:
        yield f"| {' | '.join(map(plain, row))} |"
