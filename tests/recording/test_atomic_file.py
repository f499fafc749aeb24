"""How a run's files are written, and what is said where one can't be."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from gameday.recording.atomic_file import unwritable, words, write
from tests.support.small_disk import fill, small_disk


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """Neither where the file is to be, nor where its draft is."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    page = tmp_path / "report.html"
    page.symlink_to(precious)
    write(page, "new")
    assert (precious.read_text(), page.read_text(), page.is_symlink()) == ("mine", "new", False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "report.html"]


def test_what_stood_there_stays_where_there_is_no_room(tmp_path: Path) -> None:
    """The old content, and no draft beside it."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        write(disk / "outcome.json", "old")
        fill(disk)
        with pytest.raises(OSError, match="No space left on device"):
            write(disk / "outcome.json", "x" * 100_000)
        assert (disk / "outcome.json").read_text() == "old"
        assert sorted(path.name for path in disk.iterdir()) == ["filler", "outcome.json"]


def test_a_full_disk_in_words(tmp_path: Path) -> None:
    """The file, and what to do; of a tree that was copied the place, for its errors would fill the screen."""
    told = unwritable(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "a")
    assert told.startswith(
        f"{tmp_path / 'a'} can't be written: No space left on device; free some space there, or"
    )
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x" * 100_000)
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        with pytest.raises(shutil.Error) as caught:
            shutil.copytree(tmp_path / "tree", disk / "tree")
        assert words(caught.value, disk) == told.replace(str(tmp_path / "a"), str(disk))


def test_another_error_has_its_own_words(tmp_path: Path) -> None:
    """No advice that doesn't help."""
    told = unwritable(PermissionError(errno.EACCES, "Permission denied", "b"), tmp_path / "a")
    assert told == "b can't be written: Permission denied"
