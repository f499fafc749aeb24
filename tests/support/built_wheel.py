"""The wheel, built from a copy of the tree, and a virtual environment that it is installed in."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TAKEN = ("pyproject.toml", "README.md", "LICENSE", "runner", "reports", "scenarios", "compose")
SCRIPT = """#!{python}
import sys
from gameday.cli import main
sys.exit(main())
"""


def build_wheel(base: Path, litter: Sequence[str] = ()) -> Path:
    """Build the wheel from a copy of the tree below `base`, with empty files added at the paths `litter`."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling isn't installed: pip install '.[dev]'")
    for name in TAKEN:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, base / name)
    for name in litter:
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_bytes(b"litter")
    options = ("--wheel", "--no-isolation", "--outdir", str(base / "dist"))
    command = [sys.executable, "-m", "build", *options, str(base)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (base / "dist").iterdir()
    return wheel


def install(wheel: Path, folder: Path) -> tuple[Path, Path]:
    """Make a virtual environment with the wheel and this one's dependencies; return (`gameday`, site-packages).

    No installer and no network: the wheel is unpacked, and a `.pth` file names this interpreter's site-packages.
    """
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = folder / "bin" / "gameday"
    script.write_text(SCRIPT.format(python=folder / "bin" / "python"))
    script.chmod(0o755)
    return script, site
