"""gameday_reports.review.review_file: the review in the run's folder, the same bytes each time, and never over what somebody has written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gameday_reports.review.review_file import signed, untouched, write_review
from gameday_reports.run_page.run_data import read
from tests.support import sample_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sample_run.bad_deploy(tmp_path / "run")


def test_the_same_folder_gives_the_same_bytes(folder: Path) -> None:
    """Again in this process, and in a new one; the first draft is replaced by the like one."""
    first = write_review(folder, read(folder))
    assert (first.path, first.kept) == (folder / "review.md", ())
    written = first.path.read_bytes()
    first.path.unlink()
    code = "import sys, pathlib; from gameday_reports.run_page.render import report_run; report_run(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=100)
    assert first.path.read_bytes() == written
    write_review(folder, read(folder))
    assert first.path.read_bytes() == written
    assert [path.name for path in folder.glob("review*")] == ["review.md"]


def test_a_draft_that_nobody_touched_is_replaced(folder: Path) -> None:
    """What the run measured anew stands in review.md."""
    (folder / "review.md").write_bytes(signed("# An older draft\n"))
    draft = write_review(folder, read(folder))
    assert draft.path.name == "review.md"
    assert b"older" not in draft.path.read_bytes()


@pytest.mark.parametrize(
    "edited",
    [
        signed("# A draft\n").replace(b"A draft", b"Our words"),
        signed("# A draft\n") + b"\nand a line below it\n",
        signed("# A draft\n").replace(b"\n", b"\r\n"),
        b"# Our words\n",
        b"",
        b"\xff\xfe not UTF-8",
    ],
    ids=["above", "below", "line ends", "without a digest", "emptied", "no text"],
)
def test_what_somebody_has_edited_is_kept(folder: Path, edited: bytes) -> None:
    """The new draft goes beside it, and takes the place of its own like from then on."""
    (folder / "review.md").write_bytes(edited)
    for _ in range(2):
        draft = write_review(folder, read(folder))
        assert (draft.path.name, [path.name for path in draft.kept]) == ("review-draft.md", ["review.md"])
    assert (folder / "review.md").read_bytes() == edited
    assert untouched(draft.path.read_bytes())


def test_an_edited_draft_beside_it_is_kept_too(folder: Path) -> None:
    """Whatever people wrote stays, in whichever file."""
    for name in ("review.md", "review-draft.md"):
        (folder / name).write_text("ours\n")
    draft = write_review(folder, read(folder))
    assert draft.path.name == "review-draft-2.md"
    assert [path.read_text() for path in draft.kept] == ["ours\n", "ours\n"]


def test_a_link_is_replaced_and_not_followed(folder: Path) -> None:
    """Whatever it leads to stays as it is."""
    elsewhere = folder.parent / "elsewhere.md"
    elsewhere.write_bytes(signed("# Not ours\n"))
    (folder / "review.md").symlink_to(elsewhere)
    draft = write_review(folder, read(folder))
    assert not draft.path.is_symlink()
    assert elsewhere.read_bytes() == signed("# Not ours\n")
