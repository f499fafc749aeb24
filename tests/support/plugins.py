"""Distributions written for tests: metadata alone, or the plug-in of tests/plugin installed for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.paths import ROOT

PLUGIN = ROOT / "tests/plugin"


def install_plugin(into: Path) -> None:
    """Build the distribution of tests/plugin and install it into a folder, without network."""
    with tempfile.TemporaryDirectory(prefix="acme-gameday-") as copy:
        shutil.copytree(PLUGIN, copy, dirs_exist_ok=True)  # building leaves nothing in the checkout
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(into), copy]
        subprocess.run(command, check=True, timeout=300)


def with_plugin(folder: Path) -> dict[str, str]:
    """Return an environment in which the plug-in that is installed in a folder can be imported."""
    return os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}


def run_gameday(
    *arguments: str | Path, env: Mapping[str, str], timeout: float = 120.0
) -> tuple[int, str, str]:
    """Run a command of gameday; return exit status, standard output, standard error."""
    command = [sys.executable, "-m", "gameday", *map(str, arguments)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def write_distribution(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> Path:
    """Write the metadata of a distribution with these entry points; return its `.dist-info` folder."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{entry} = {target}" for entry, target in entries.items()), "")
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return info
