"""Changed files of a unified diff: the lines that it adds and removes, with their numbers in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.changes.patch_text import HUNK, diffs
from gameday.recording.printable_text import HIDDEN

NOWHERE = "/dev/null"
GIT_FILE = re.compile(r"^diff --git ", re.MULTILINE)
ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(frozen=True)
class Line:
    """A line of a file: its number, from 1, and its text."""

    number: int
    text: str


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff. `added` are lines of the new file, `removed` lines of the old one. `binary`: it has a NUL."""

    path: str
    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    deleted: bool = False
    binary: bool = False

    @property
    def first_line(self) -> int:
        """Return the first line that the change touches; 1 if it has no line."""
        return min((line.number for line in (*self.added, *self.removed)), default=1)


def changed_files(patch: str, file: str) -> tuple[ChangedFile, ...]:
    """Return the files that a release's patch changes. Raise Invalid if it isn't a unified diff."""
    return tuple(_changed(diffs(patch, file))) if patch.strip() else ()


def changed_files_of_git(patch: str) -> tuple[ChangedFile, ...]:
    """Return the files that the output of `git diff --text --no-renames` changes, binary files included.

    A line ends at a line feed only, as git counts; other control characters in a line become spaces, and an invalid
    patch is the caller's defect. Binary files have their lines too: a change can't hide one by calling it binary.
    """
    return tuple(_changed_by_git(part.split("\n")) for part in GIT_FILE.split(patch)[1:])


def _changed_by_git(lines: Sequence[str]) -> ChangedFile:
    """Return one file of a git diff, whose lines begin with the rest of the line `diff --git`."""
    added: list[Line] = []
    removed: list[Line] = []
    old_left = new_left = old = new = 0
    for line in lines[1:]:
        if old_left or new_left:
            sign = line[:1]
            if sign == "+":
                added.append(Line(new, HIDDEN.sub(" ", line[1:].removesuffix("\r"))))
            elif sign == "-":
                removed.append(Line(old, HIDDEN.sub(" ", line[1:].removesuffix("\r"))))
            in_old, in_new = sign not in ("+", "\\"), sign not in ("-", "\\")
            old, old_left, new, new_left = old + in_old, old_left - in_old, new + in_new, new_left - in_new
        elif head := HUNK.match(line):
            old, new = int(head[1]), int(head[3])
            old_left, new_left = (1 if count is None else int(count) for count in head.group(2, 4))
    deleted = any(line.startswith("deleted file mode ") for line in lines[1:3])
    binary = any("\0" in line for line in lines)
    return ChangedFile(_git_path(lines[0]), tuple(added), tuple(removed), deleted, binary)


def _git_path(both: str) -> str:
    """Return the path of `a/PATH b/PATH`, which are equal without renames; git quotes special characters as C does."""
    path = both[len(both) // 2 + 1 :]
    if path.startswith('"'):
        unescaped = ESCAPE.sub(_unescaped, path[1:-1].encode(errors="surrogateescape"))
        path = unescaped.decode(errors="replace")
    return path.removeprefix("b/")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code.isdigit() else ESCAPED.get(code, code)


def _changed(parsed: Iterable[Any]) -> Iterable[ChangedFile]:
    for diff in parsed:
        if diff.header is None:
            continue
        old, new = _path(diff.header.old_path, "a/"), _path(diff.header.new_path, "b/")
        deleted = new == NOWHERE
        changes: Sequence[Any] = diff.changes or ()
        yield ChangedFile(
            old if deleted else new,
            tuple(Line(change.new, change.line) for change in changes if change.old is None),
            tuple(Line(change.old, change.line) for change in changes if change.new is None),
            deleted,
        )


def _path(path: str, prefix: str) -> str:
    return str(path).removeprefix(prefix)
