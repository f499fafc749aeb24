"""A release never reads or writes outside its folders, whatever its patch and its name say."""

from __future__ import annotations

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
    """Releases of a shop whose code has a link that leads out of it, to a folder with something to lose."""
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
    """With the file that says it, before anything is made; nothing anywhere is changed."""
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
    """What it adds and what it changes, also where the code has a link there: the tree has a copy in its place."""
    patch = f"--- a/shop/app.py\n+++ b/shop/app.py\n{HUNK}--- /dev/null\n+++ b/shop/more/made.py\n{NEW}"
    (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch)
    made = catalogue.build("web-1.1.0", tmp_path / "work")
    assert made.tree == tmp_path / "work" / "web-1.1.0"
    assert (made.tree / "shop" / "app.py").read_text() == "new\n"
    assert (made.tree / "shop" / "more" / "made.py").read_text() == "new\n"
    assert not (made.tree / "shop" / "out").is_symlink()
    assert (tmp_path / "shop" / "app.py").read_text() == "old\n"
    assert (tmp_path / "elsewhere" / "secret").read_text() == "old\n"


@pytest.mark.parametrize(
    "name", ["../web-1.1.0", "/etc/web-1.1.0", "web-1.1.0/", "web-1.1.0\n", ".", "", "web-1.1.0/../x"]
)
def test_a_name_is_a_name(name: str, catalogue: Catalogue) -> None:
    """And never a path."""
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
    """What it names can't be a path either."""
    key = line.partition(":")[0]
    kept = [each for each in SPEC.splitlines() if not each.startswith(f"{key}:")]
    (catalogue.folder / "web-1.1.0" / "release.yaml").write_text("\n".join([*kept, line, ""]))
    (problem,) = catalogue.check("web-1.1.0")
    assert says in f"{problem}"


def test_each_file_has_its_own_hunks(catalogue: Catalogue, tmp_path: Path) -> None:
    """Also where a line of one looks like the head of the next, and with or without git's own lines between them."""
    (tmp_path / "shop" / "app.py").write_text("-- a\nkept\n")
    (tmp_path / "shop" / "b.py").write_text("old\n")
    heads = "--- a/shop/app.py\n+++ b/shop/app.py\n@@ -1,2 +1,2 @@\n--- a\n+++ b\n kept\n"
    for between in ("", "diff --git a/shop/b.py b/shop/b.py\nindex 1..2 100644\n"):
        patch = f"{heads}{between}--- a/shop/b.py\n+++ b/shop/b.py\n@@ -1 +1 @@\n-old\n+new\n"
        (catalogue.folder / "web-1.1.0" / "change.patch").write_text(patch)
        tree = catalogue.build("web-1.1.0", tmp_path / f"work{len(between)}").tree
        assert tree is not None
        made = [(tree / "shop" / name).read_text() for name in ("app.py", "b.py")]
        assert made == ["++ b\nkept\n", "new\n"]
