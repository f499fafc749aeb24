"""Tests of release trees: patches, names and links never lead outside the folders of a release."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gameday.changes.releases import Catalogue
from gameday.scenario.yaml_document import Invalid

SPEC = "service: web\nversion: 1.1.0\nkind: code\nsummary: s\nauthor: {role: r, level: l}\n"
HUNK = "@@ -1,1 +1,1 @@\n-old\n+new\n"
NEW = "@@ -0,0 +1,1 @@\n+new\n"
OUTSIDE = {
    "above": f"--- a/shop/../secret\n+++ b/shop/../secret\n{HUNK}",
    "far above": f"--- a/../../secret\n+++ b/../../secret\n{HUNK}",
    "absolute": f"--- a//etc/motd\n+++ b//etc/motd\n{HUNK}",
    "absolute, new": f"--- /dev/null\n+++ /etc/motd.new\n{NEW}",
    "new, above": f"--- /dev/null\n+++ b/shop/../../made\n{NEW}",
    "beside": f"--- /dev/null\n+++ b/shopping/made\n{NEW}",
    "removed": "--- a/shop/app.py\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-old\n",
    "moved": f"--- a/shop/app.py\n+++ b/shop/other.py\n{HUNK}",
    "moved in": f"--- a/../secret\n+++ b/shop/app.py\n{HUNK}",
    "the folder itself": f"--- /dev/null\n+++ b/shop\n{NEW}",
    "below a file": f"--- /dev/null\n+++ b/shop/app.py/made\n{NEW}",
    "there already": f"--- /dev/null\n+++ b/shop/app.py\n{NEW}",
    "by a link": f"--- a/shop/out/secret\n+++ b/shop/out/secret\n{HUNK}",
    "new, by a link": f"--- /dev/null\n+++ b/shop/out/made\n{NEW}",
    "no diff": "*** a\n--- b/shop/app.py\n***************\n*** 1,2 ****\n--- 1 ----\n  a\n",
}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Return releases of a shop whose code has a link out of it, to a folder with a file to lose."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text("old\n")
    (tmp_path / "elsewhere").mkdir()
    for secret in (tmp_path / "secret", tmp_path / "elsewhere" / "secret"):
        secret.write_text("old\n")
    (tmp_path / "shop" / "out").symlink_to(tmp_path / "elsewhere")
    folder = tmp_path / "releases" / "web-1.1.0"
    folder.mkdir(parents=True)
    (folder / "release.yaml").write_text(SPEC)
    return Catalogue(tmp_path / "releases", tmp_path / "shop")


def everything(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_patch_that_leads_out_is_refused(kind: str, catalogue: Catalogue, tmp_path: Path) -> None:
    """A patch that leads out of the tree is rejected by file, before anything is written."""
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(OUTSIDE[kind])
    before = everything(tmp_path)
    (problem,) = catalogue.check("web-1.1.0")
    assert problem.file.endswith("web-1.1.0/change.patch")
    with pytest.raises(
        Invalid, match=r"change\.patch:\d+:1: (changes|adds|removes|moves|isn't a unified diff)"
    ):
        catalogue.build("web-1.1.0", tmp_path / "run" / "work")
    assert everything(tmp_path) == before


def test_a_good_patch_lands_in_the_tree_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    """A valid patch changes only the tree; a link of the code is replaced by a copy."""
    patch = f"--- a/shop/app.py\n+++ b/shop/app.py\n{HUNK}--- /dev/null\n+++ b/shop/more/made.py\n{NEW}"
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch)
    release = catalogue.build("web-1.1.0", tmp_path / "work")
    assert release.tree == tmp_path / "work" / "web-1.1.0"
    assert (release.tree / "shop" / "app.py").read_text() == "new\n"
    assert (release.tree / "shop" / "more" / "made.py").read_text() == "new\n"
    assert not (release.tree / "shop" / "out").is_symlink()
    assert (tmp_path / "shop" / "app.py").read_text() == "old\n"
    assert (tmp_path / "elsewhere" / "secret").read_text() == "old\n"


@pytest.mark.parametrize(
    "name", ["../web-1.1.0", "/etc/web-1.1.0", "web-1.1.0/", "web-1.1.0\n", ".", "", "web-1.1.0/../x"]
)
def test_a_name_is_a_name(name: str, catalogue: Catalogue) -> None:
    """A release name that is a path is rejected."""
    with pytest.raises(KeyError) as caught:
        catalogue.spec(name)
    assert caught.value.args == (name,)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("service: ../web", "its folder is web-1.1.0"),
        ("version: 1.1.0/../../x", "must match"),
        ("migration: ../../secret.sql", "must match"),
        ("migration: /etc/x.sql", "must match"),
    ],
)
def test_an_odd_release_file_is_refused(line: str, says: str, catalogue: Catalogue) -> None:
    """A release.yaml with a path for a name is rejected."""
    key = line.partition(":")[0]
    kept = [splitline for splitline in SPEC.splitlines() if not splitline.startswith(f"{key}:")]
    (catalogue.folder / "web-1.1.0" / "release.yaml").write_text("\n".join([*kept, line, ""]))
    (problem,) = catalogue.check("web-1.1.0")
    assert says in f"{problem}"


def test_each_file_has_its_own_hunks(catalogue: Catalogue, tmp_path: Path) -> None:
    """Hunks belong to their own file, even if a line looks like a file header, with and without
    git's own lines."""
    (tmp_path / "shop" / "app.py").write_text("-- a\nkept\n")
    (tmp_path / "shop" / "b.py").write_text("old\n")
    heads = "--- a/shop/app.py\n+++ b/shop/app.py\n@@ -1,2 +1,2 @@\n--- a\n+++ b\n kept\n"
    for between in ("", "diff --git a/shop/b.py b/shop/b.py\nindex 1..2 100644\n"):
        patch = f"{heads}{between}--- a/shop/b.py\n+++ b/shop/b.py\n@@ -1 +1 @@\n-old\n+new\n"
        (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch)
        tree = catalogue.build("web-1.1.0", tmp_path / f"work{len(between)}").tree
        assert tree is not None
        names = [(tree / "shop" / name).read_text() for name in ("app.py", "b.py")]
        assert names == ["++ b\nkept\n", "new\n"]


LINES = "".join(f"line {n}\n" for n in range(1, 21))
FIRST, SECOND = "@@ -2,1 +2,1 @@\n-line 2\n+new 2\n", "@@ -9,1 +9,1 @@\n-line 9\n+new 9\n"
WRONG = "@@ -9,1 +9,1 @@\n-line nine\n+new 9\n"
HEAD, OTHER = "--- a/shop/app.py\n+++ b/shop/app.py\n", "--- a/shop/b.py\n+++ b/shop/b.py\n"


@pytest.mark.parametrize(
    ("patch", "line", "message"),
    [
        (HEAD + FIRST + WRONG, 6, "doesn't apply to app.py"),
        (HEAD + WRONG, 3, "doesn't apply to app.py"),
        (HEAD + FIRST + SECOND + OTHER + FIRST + WRONG, 14, "doesn't apply to b.py"),
        (f"--- a/shop/gone.py\n+++ b/shop/gone.py\n{FIRST}", 2, "changes gone.py, which doesn't exist"),
        (f"{HEAD}{FIRST}--- /dev/null\n+++ b/shop/b.py\n{NEW}", 7, "adds b.py, which is there"),
        (f"--- a/shop/app.py\n+++ /dev/null\n{FIRST}", 1, "removes shop/app.py"),
        (f"--- a/shop/app.py\n+++ b/shop/c.py\n{FIRST}", 1, "moves shop/app.py to shop/c.py"),
        (f"--- a/other/app.py\n+++ b/other/app.py\n{FIRST}", 1, "changes other/app.py, outside shop/"),
        (f"--- /dev/null\n+++ b/shop\n{NEW}", 1, "adds shop, which is a folder or below a file"),
        ("some words\n", 1, "isn't a unified diff"),
    ],
    ids=range(10),
)
def test_a_patch_mistake_is_located_at_its_hunk(
    patch: str, line: int, message: str, catalogue: Catalogue, tmp_path: Path
) -> None:
    """The message names the file and the problem, at the line where the failing hunk begins."""
    for name in ("app.py", "b.py"):
        (tmp_path / "shop" / name).write_text(LINES)
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch)
    (problem,) = catalogue.check("web-1.1.0")
    assert (problem.line, message in problem.message) == (line, True), f"{problem}"


def test_context_must_match_at_the_exact_line(catalogue: Catalogue, tmp_path: Path) -> None:
    """Patches apply without fuzz: context that is one line off is an error with a hint."""
    (tmp_path / "shop" / "app.py").write_text("one more\n" + LINES)
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(HEAD + FIRST)
    (problem,) = catalogue.check("web-1.1.0")
    assert "doesn't apply to app.py" in problem.message
    assert "no fuzz is allowed" in problem.hint


def test_hunks_are_applied_each_at_its_place(catalogue: Catalogue, tmp_path: Path) -> None:
    """A hunk that adds lines moves the following hunks; every other line stays."""
    (tmp_path / "shop" / "app.py").write_text(LINES)
    grown = "@@ -2,1 +2,3 @@\n-line 2\n+new 2\n+new 2a\n+new 2b\n@@ -9,1 +11,0 @@\n-line 9\n"
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(HEAD + grown)
    tree = catalogue.build("web-1.1.0", tmp_path / "work").tree
    assert tree is not None
    expected = LINES.replace("line 2\n", "new 2\nnew 2a\nnew 2b\n", 1).replace("line 9\n", "", 1)
    assert (tree / "shop" / "app.py").read_text() == expected


UNREADABLE = {
    "a binary patch": (
        "diff --git a/shop/x.png b/shop/x.png\nGIT binary patch\nliteral 3\nKcmZQz\n\n",
        2,
        "is a binary patch",
    ),
    "a binary difference": ("Binary files a/shop/x.png and b/shop/x.png differ\n", 1, "is a binary patch"),
    "a long path": (f"--- /dev/null\n+++ b/shop/{'x' * 300}\n{NEW}", 1, "names a path of 305 characters"),
    "NUL": (HEAD + HUNK.replace("new", "n\0w"), 5, r"control character \x00"),
    "an escape sequence": (HEAD + HUNK.replace("new", "\x1b[2K"), 5, r"control character \x1b"),
    "a carriage return": (HEAD + HUNK.replace("new", "new\rold"), 5, r"control character \x0d"),
    "a bidirectional override": (HEAD + HUNK.replace("new", "n\u202ew"), 5, "RIGHT-TO-LEFT OVERRIDE"),
    "a line separator": (HEAD + HUNK.replace("new", "n\u2028w"), 5, "LINE SEPARATOR"),
    "the same file twice": (
        HEAD + HUNK + HEAD + HUNK.replace("old", "new"),
        7,
        "changes app.py a second time (first in diff 1",
    ),
    "no header": (HUNK, 1, "isn't a unified diff"),
    "a hunk that is cut off": (HEAD + "@@ -1,3 +1,3 @@\n-old\n+new\n", 5, "ends in the middle of a hunk"),
    "a hunk of 10^20 lines": (
        HEAD + f"@@ -1,{10**20} +1,1 @@\n-old\n+new\n",
        3,
        "is a malformed hunk header",
    ),
    "a hunk at line 0": (HEAD + "@@ -0,1 +0,1 @@\n-old\n+new\n", 3, "begins at line 0"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_patch_that_cannot_be_reviewed_or_parsed_is_refused(kind: str, catalogue: Catalogue) -> None:
    """A patch that shows something else than it does, or that no parser reads, has one located error."""
    patch, line, message = UNREADABLE[kind]
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch, newline="")
    (problem,) = catalogue.check("web-1.1.0")
    assert (problem.line, message in problem.message) == (line, True), f"{problem}"


@pytest.mark.parametrize("name", ["change.patch", "more.sql"])
@pytest.mark.parametrize("kind", ["folder", "FIFO", "dangling link", "Latin-1"])
def test_a_file_of_a_release_that_is_no_text_file_is_refused(
    name: str, kind: str, catalogue: Catalogue
) -> None:
    """A patch or migration that can't be read is an error, not a release without one."""
    folder = catalogue.folder / "web-1.1.0"
    (folder / "release.yaml").write_text(SPEC + ("migration: more.sql\n" if name == "more.sql" else ""))
    path = folder / name
    match kind:
        case "folder":
            path.mkdir()
        case "FIFO":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to("nowhere")
        case _:
            path.write_bytes(b"-- \xff\n")
    (problem,) = catalogue.check("web-1.1.0")
    assert problem.file == str(path)
    assert "can't be read" in problem.message or "isn't UTF-8" in problem.message


def test_unix_and_windows_line_ends_are_the_same_patch(catalogue: Catalogue, tmp_path: Path) -> None:
    """A patch saved with CR LF applies as the same patch with LF."""
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(HEAD + HUNK, newline="\r\n")
    tree = catalogue.build("web-1.1.0", tmp_path / "work").tree
    assert tree is not None
    assert (tree / "shop" / "app.py").read_bytes() == b"new\n"


def test_the_second_hunk_that_fails_is_named_by_its_own_line(catalogue: Catalogue, tmp_path: Path) -> None:
    """The line of a failing hunk isn't that of a hunk of another file."""
    (tmp_path / "shop" / "app.py").write_text(LINES)
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(HEAD + FIRST + WRONG)
    (problem,) = catalogue.check("web-1.1.0")
    assert problem.line == 6
