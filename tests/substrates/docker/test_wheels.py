"""Wheels for the image."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from gameday.host.cache_folder import cache_folder
from gameday.ports import PortError
from gameday.substrates.docker.wheels import command, wheels


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GAMEDAY_WHEELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    written = tmp_path / "requirements.txt"
    written.write_text("thing\n")
    return written


def never() -> str:
    raise AssertionError("asked for the Python version")


def pip(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> list[str]:
    """Put a shell script in place of Python; return the list that collects the progress lines."""
    stand_in = folder / "python"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(stat.S_IRWXU)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    return []


def test_given_folder(requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GAMEDAY_WHEELS is used unchanged, and must hold wheels."""
    monkeypatch.setenv("GAMEDAY_WHEELS", str(tmp_path))
    with pytest.raises(PortError, match="GAMEDAY_WHEELS: no wheels in"):
        wheels(requirements, "id", "x86_64", never, print)
    (tmp_path / "thing-1-py3-none-any.whl").touch()
    assert wheels(requirements, "id", "x86_64", never, print) == tmp_path


def test_downloaded_once(requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels are downloaded once for a base image and requirements; others get their own folder."""
    progress = pip(monkeypatch, tmp_path, 'for last; do :; done; touch "$last/thing.whl"')
    folder = wheels(requirements, "id", "x86_64", lambda: "3.11", progress.append)
    assert [file.name for file in folder.iterdir()] == ["thing.whl"]
    assert progress == ["downloading the packages for Python 3.11 on x86_64"]
    assert wheels(requirements, "id", "x86_64", never, progress.append) == folder
    assert wheels(requirements, "other", "x86_64", lambda: "3.12", progress.append) != folder


def test_failed_download(requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed download shows what pip said and what to do, and leaves no half-filled folder."""
    progress = pip(monkeypatch, tmp_path, "echo no route to the index >&2; exit 1")
    with pytest.raises(PortError, match=r"no route to the index\nset GAMEDAY_WHEELS"):
        wheels(requirements, "id", "x86_64", lambda: "3.11", progress.append)
    assert list(cache_folder().iterdir()) == []


def test_for_the_images_python(tmp_path: Path) -> None:
    """pip is asked for wheels of the image's Python and machine, never to build anything."""
    argv = command(tmp_path / "r.txt", tmp_path, "3.11", "aarch64")
    assert argv[argv.index("--python-version") + 1] == "3.11"
    assert "--only-binary=:all:" in argv
    assert "manylinux_2_28_aarch64" in argv
