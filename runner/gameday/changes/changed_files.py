"""Changed files of a unified diff: the lines that it adds and removes, with their numbers in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.changes.patch_text import diffs

NOWHERE = "/dev/null"


@dataclass(frozen=True)
class Line:
    """A line of a file: its number, from 1, and its text."""

    number: int
    text: str


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff. `added` are lines of the new file, `removed` lines of the old one."""

    path: str
    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    deleted: bool = False

    @property
    def first_line(self) -> int:
        """Return the first line that the change touches; 1 if it has no line."""
        return min((line.number for line in (*self.added, *self.removed)), default=1)


def changed_files(patch: str, file: str) -> tuple[ChangedFile, ...]:
    """Return the files that a release's patch changes. Raise Invalid if it isn't a unified diff."""
    return tuple(_changed(diffs(patch, file))) if patch.strip() else ()


def changed_files_of_git(patch: str) -> tuple[ChangedFile, ...]:
    """Return the files that the output of `git diff` changes, binary files and pure renames included."""
    import whatthepatch

    return tuple(_changed(whatthepatch.parse_patch(patch)))


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
