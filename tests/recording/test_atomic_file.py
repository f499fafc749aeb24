"""Atomic writes, their errors in words, and that no module has a writer of its own."""

from __future__ import annotations

import ast
import errno
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gameday.recording.atomic_file import replacing, unwritable, words, write, write_json
from tests.support.paths import ROOT
from tests.support.small_disk import fill, small_disk


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    """A link at the place of the file or of its draft isn't followed."""
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


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The old file stays whole, and no draft is left."""
    page = tmp_path / "outcome.json"
    write(page, "old")

    def interrupted() -> None:
        with replacing(page) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert page.read_text() == "old"
    assert list(tmp_path.iterdir()) == [page]


def test_the_mode_is_set_before_the_file_can_be_read(tmp_path: Path) -> None:
    """A token is never readable by others, not even while it is being written."""
    key = tmp_path / "key.json"
    with replacing(key, mode=0o600) as file:
        (draft,) = tmp_path.iterdir()
        assert draft.stat().st_mode & 0o777 == 0o600
        file.write(b"{}")
    assert key.stat().st_mode & 0o777 == 0o600


def test_two_threads_write_the_same_file(tmp_path: Path) -> None:
    """Each replaces the file as a whole: a reader sees one of the two, never a mixture or an error."""
    page, texts = tmp_path / "names.json", ["a" * 50_000, "b" * 50_000]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            list(pool.map(lambda text: write(page, text), texts))
            assert page.read_text() in texts
    assert list(tmp_path.iterdir()) == [page]


def test_a_number_that_json_lacks_is_an_error(tmp_path: Path) -> None:
    """NaN would be refused by every other reader; nothing is written."""
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "trials.json", {"ttr": float("nan")})
    assert list(tmp_path.iterdir()) == []


PLAIN_WRITERS = {
    "gameday/changes/releases.py": "a release's tree, which nothing reads before it is whole",
    "gameday/substrates/docker/container_lifecycle.py": "a container's log, written once, after its end",
    "gameday/substrates/docker/wheels.py": "a whole folder of packages",
    "gameday/execution/database_template.py": "a damaged template is put aside before it is removed",
    "gameday/recording/atomic_file.py": "the atomic writer itself",
}
"""Modules that write or rename without the atomic writer, and what."""


def writes_of(source: str) -> list[str]:
    """Return every call in a source that writes a file at once or renames one."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    methods = [call for call in calls if isinstance(call.func, ast.Attribute)]
    return [
        ast.unparse(call)
        for call in methods
        for name in [ast.unparse(call.func).rpartition(".")[2]]
        if name in ("write_text", "write_bytes", "rename", "renames")
        or (
            (name == "replace" and (len(call.args) == 1 or ast.unparse(call.func) == "os.replace"))
            and not call.keywords
            and not ast.unparse(call.func).startswith("dataclasses.")
        )
    ]


def test_writes_are_found_in_a_source() -> None:
    """`Path.replace` and `os.replace` are; `str.replace`, `dataclasses.replace` and `datetime.replace` aren't."""
    writers = ["draft.replace(path)", "os.replace(a, b)", "os.rename(a, b)", "path.write_text(x)"]
    others = [
        "text.replace('a', 'b')",
        "replace(plan, hold=1.0)",
        "dataclasses.replace(x)",
        "t.replace(tzinfo=UTC)",
    ]
    assert writes_of("\n".join([*writers, *others])) == writers


@pytest.mark.parametrize("root", ["runner/gameday", "reports/gameday_reports"])
def test_files_are_written_by_the_atomic_writer(root: str) -> None:
    """No module has a writer of its own, except those that say why."""
    for path in sorted((ROOT / root).rglob("*.py")):
        name = str(path.relative_to((ROOT / root).parent))
        if name not in PLAIN_WRITERS:
            assert writes_of(path.read_text(encoding="utf-8")) == [], name


def test_another_error_has_its_own_words(tmp_path: Path) -> None:
    """No advice that doesn't help."""
    told = unwritable(PermissionError(errno.EACCES, "Permission denied", "b"), tmp_path / "a")
    assert told == "b can't be written: Permission denied"
