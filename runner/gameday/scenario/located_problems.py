"""Problems of files that people write, each with its file, line and column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]
"""Keys and indices from the top of a document to a value."""
LONGEST = 300
"""Characters of a message, or of a hint."""
MOST_CHARACTERS = 600
"""Characters of a message or hint that isn't of a document's value."""
LISTED = 24
"""Choices that a hint lists, at most."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a file. Lines and columns count from 1; line 0 means the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        """Cut what a file of any content put into message or hint."""
        for name in ("message", "hint"):
            object.__setattr__(self, name, shorten(getattr(self, name), MOST_CHARACTERS))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f"\n    hint: {self.hint}" if self.hint else "")


class Invalid(Exception):
    """A file can't be used; `problems` holds every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Document:
    """Plain data of a YAML file with the place (line, column) of every value and every key by key path."""

    file: str
    data: Any
    places: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    """Key paths whose value was overridden, and where it came from."""

    def problem(
        self, path: Sequence[str | int], message: str, hint: str = "", *, at_key: bool = False
    ) -> Problem:
        """Return a problem at `path`, or at the nearest enclosing value that is in the file."""
        where, message, hint = tuple(path), shorten(message), shorten(hint)
        for depth in range(1, len(where) + 1):
            if where[:depth] in self.origins:
                return Problem(self.origins[where[:depth]], 0, 0, message, hint)
        if at_key and where in self.keys:
            return Problem(self.file, *self.keys[where], message, hint)
        while where not in self.places and where:
            where = where[:-1]
        return Problem(self.file, *self.places.get(where, (1, 1)), message, hint)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return a text of a message, cut to so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a hint: the choice most like `word`, else all choices if they are few, else an empty text."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= LISTED else ""
