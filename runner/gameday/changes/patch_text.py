"""Reading of unified diffs: one part for each file, and where in the patch a hunk begins."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from gameday.recording.printable_text import hidden_characters
from gameday.scenario.yaml_document import Invalid, Problem

HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@")
BINARY = re.compile(r"^(?:GIT binary patch|Binary files .* differ)$", re.MULTILINE)
LISTED = 20
"""Control characters of one patch that are listed."""
LONGEST_PATH = 200
"""Characters of a path in a patch."""


def check_characters(text: str, file: str) -> None:
    """Raise Invalid if the patch has characters that would make its display differ from what it does."""
    hint = "a reviewer must see what runs; write such a character as an escape in the code"
    problems = [
        Problem(file, line, column, f"contains the control character {name}", hint)
        for line, column, name in itertools.islice(hidden_characters(text), LISTED)
    ]
    if problems:
        raise Invalid(problems)


def diffs(text: str, file: str) -> Iterator[Any]:
    """Yield the diff of each file that the patch names. Raise Invalid if the patch can't be read."""
    import whatthepatch
    from whatthepatch.exceptions import WhatThePatchException

    line = 1
    for part in _parts(text, file):
        if binary := BINARY.search(part):
            where = line + part.count("\n", 0, binary.start())
            raise Invalid(
                [Problem(file, where, 1, "is a binary patch", "a release adds and changes text files")]
            )
        try:
            parsed = list(whatthepatch.parse_patch(part))
        except (WhatThePatchException, ValueError, LookupError, AttributeError, AssertionError) as error:
            raise Invalid([Problem(file, line, 1, f"isn't a unified diff: {error}")]) from error
        if any(diff.header is None for diff in parsed):
            raise Invalid([Problem(file, line, 1, "isn't a unified diff: it has no line with --- and +++")])
        yield from parsed
        line += part.count("\n")


def _parts(text: str, file: str) -> Iterator[str]:
    """Yield the diff of each file of the patch. Raise Invalid if a hunk ends early or begins before line 1.

    The library takes a second file's hunks for the first file's, unless git wrote the patch.
    """
    part: list[str] = []
    begun, old, new, number = False, 0, 0, 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        inside = old > 0 or new > 0
        if not inside and begun and line.startswith(("--- ", "diff ")):
            yield "".join(part)
            part, begun = [], False
        part.append(line)
        if inside:
            old, new = old - (line[0] not in "+\\"), new - (line[0] not in "-\\")
        elif head := HUNK.match(line):
            starts, counts = head.groups()[::2], head.groups()[1::2]
            old, new = (1 if count is None else int(count) for count in counts)
            if int(starts[0]) == 0 and old:
                raise Invalid([Problem(file, number, 1, "is a hunk that begins at line 0 and removes lines")])
        elif line.startswith("@@ "):
            raise Invalid([Problem(file, number, 1, "is a malformed hunk header", "write @@ -1,3 +1,4 @@")])
        else:
            begun = begun or line.startswith("--- ")
    if old > 0 or new > 0:
        raise Invalid([Problem(file, number, 1, "ends in the middle of a hunk", "the patch was truncated")])
    yield "".join(part)


def line_of(text: str, path: str, *, last: bool = False) -> int:
    """Return the line of the `+++` header that names the path, the last one if asked; 1 if none does."""
    lines = [
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.startswith("+++") and line.split("\t")[0].rstrip().endswith(f"/{path}")
    ]
    return (lines[-1] if last else lines[0]) if lines else 1


def hunk_line(text: str, path: str, error: Any) -> int:
    """Return the line of the patch at which its failing hunk begins."""
    start = line_of(text, path)
    heads = [n for n, line in enumerate(text.split("\n"), 1) if line.startswith("@@") and n > start]
    index = (getattr(error, "hunk", None) or 1) - 1
    return heads[index] if index < len(heads) else start
