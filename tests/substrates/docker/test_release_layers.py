"""Build contexts."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from gameday.ports import Release
from gameday.substrates.docker.release_layers import pack, tree_path


def tree(folder: Path) -> Path:
    (folder / "shop" / "__pycache__").mkdir(parents=True)
    (folder / "shop" / "__pycache__" / "a.pyc").write_bytes(b"x")
    (folder / "shop" / "a.py").write_text("a = 1\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o700)
    return folder


def test_contents(tmp_path: Path) -> None:
    """Bytes, files and folders keep their names, executables their mode; compiled leftovers are
    left out."""
    folder = tree(tmp_path / "tree")
    with tarfile.open(
        fileobj=pack({"Dockerfile": b"FROM x\n", "tree": folder, "one": folder / "run"})
    ) as archive:
        modes = {member.name: member.mode for member in archive.getmembers()}
        recipe = archive.extractfile("Dockerfile")
        assert recipe
        assert recipe.read() == b"FROM x\n"
    assert modes == {"Dockerfile": 0o644, "one": 0o755, "tree/run": 0o755, "tree/shop/a.py": 0o644}


def test_same_bytes(tmp_path: Path) -> None:
    """The same files give the same bytes whatever their times; other content gives other bytes."""
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    os.utime(two / "run", (0, 0))
    first = pack({"tree": one}).getvalue()
    assert pack({"tree": two}).getvalue() == first
    (two / "run").write_text("#!/bin/bash\n")
    assert pack({"tree": two}).getvalue() != first


def test_place_in_the_container() -> None:
    """Each release has its own folder."""
    assert tree_path(Release("pricing-1.1.0", "pricing", None)) == "/srv/releases/pricing-1.1.0"
