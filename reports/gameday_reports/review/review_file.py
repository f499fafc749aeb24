"""Writer of the review, `review.md` in the run's folder, which never replaces an edited file.

A draft ends in a comment with the digest of the text above it. If the digest matches, nobody has
edited the file and a new draft replaces it. Otherwise the file is kept and the new draft goes to
`review-draft.md`, `review-draft-2.md`, …
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from gameday.recording.atomic_file import write
from gameday_reports.review.draft import review
from gameday_reports.review.review_markdown import markdown
from gameday_reports.run_page.run_data import Run

NAME = "review"
MARK = (
    "<!-- draft by gameday, sha256 {}: as long as this fits the text above, the next draft replaces it -->\n"
)


@dataclass(frozen=True)
class Draft:
    """Path of the draft; `kept`: the edited files that it did not replace."""

    path: Path
    kept: tuple[Path, ...] = ()


def write_review(folder: Path, run: Run) -> Draft:
    """Write the review, the same bytes for the same files. Raise OSError if it can't be written."""
    kept: list[Path] = []
    for path in _names(folder):
        if not path.exists() or untouched(path.read_bytes()):
            write(path, signed(markdown(review(run))).decode("utf-8"))
            return Draft(path, tuple(kept))
        kept.append(path)
    raise AssertionError("there are more names than files")


def _names(folder: Path) -> Iterator[Path]:
    yield folder / f"{NAME}.md"
    yield folder / f"{NAME}-draft.md"
    for n in count(2):
        yield folder / f"{NAME}-draft-{n}.md"


def signed(text: str) -> bytes:
    """Return the draft with its digest appended."""
    body = text.encode("utf-8")
    return body + b"\n" + MARK.format(hashlib.sha256(body).hexdigest()).encode("utf-8")


def untouched(content: bytes) -> bool:
    """Return True if this is an unedited draft."""
    body, _, mark = content.rpartition(b"\n<!-- ")
    return b"<!-- " + mark == MARK.format(hashlib.sha256(body).hexdigest()).encode("utf-8")
