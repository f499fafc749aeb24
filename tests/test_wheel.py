"""Content of the wheel: the packages, every scenario and compose file, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import zipfile

import pytest

from tests.support.built_wheel import build_wheel
from tests.support.paths import ROOT

LITTER = ("__pycache__/x.cpython-311.pyc", "x.pyc", "x.log")

pytestmark = pytest.mark.system


def tracked(*folders: str) -> set[str]:
    """Return the existing paths in `folders` that git tracks or doesn't ignore."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is no list of files to compare with")
    command = [
        git,
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *folders,
    ]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel once, from a copy of the tree that has the leftovers of runs in it."""
    folders = (
        "runner",
        "reports",
        "scenarios",
        "compose",
        "compose/storefront",
        "compose/releases/pricing-1.1.0",
    )
    litter = [f"{folder}/{name}" for folder in folders for name in LITTER]
    return zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel"), litter))


def test_every_scenario_and_compose_file_is_bundled(wheel: zipfile.ZipFile) -> None:
    """Exactly the files of both folders are in the place that `gameday.topology.bundled` reads."""
    top = "gameday/_bundled/"
    bundled = {name.removeprefix(top) for name in wheel.namelist() if name.startswith(top)}
    assert bundled == tracked("scenarios", "compose")


def test_every_module_and_template_is_there(wheel: zipfile.ZipFile) -> None:
    """Both packages are complete: modules, page templates and `py.typed`."""
    packed = {
        name
        for name in wheel.namelist()
        if not name.startswith("gameday/_bundled/") and ".dist-info/" not in name
    }
    assert packed == {name.split("/", 1)[1] for name in tracked("runner", "reports")}


def test_two_packages_and_no_litter(wheel: zipfile.ZipFile) -> None:
    """No leftovers of a run are packed, and `import storefront` doesn't find the shop."""
    names = wheel.namelist()
    assert [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".log"))] == []
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "gameday",
        "gameday_reports",
    }


def test_the_console_script_is_declared(wheel: zipfile.ZipFile) -> None:
    """Installing the wheel gives the command `gameday`."""
    (entry,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "gameday = gameday.cli:main" in wheel.read(entry).decode("utf-8").splitlines()
