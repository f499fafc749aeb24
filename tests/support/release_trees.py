"""Code of releases for their tests: the first release's, with the release's patch applied without
fuzz."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import whatthepatch

from tests.support.storefront_services import COMPOSE

PROGRAM_S = 30


def tree(release: str, into: Path) -> Path:
    """Return the code of a release, a folder for PYTHONPATH: a copy of the first with its patch
    applied."""
    shutil.copytree(COMPOSE / "storefront", into / "storefront")  # with what is compiled, for a quick start
    patch = COMPOSE / "releases" / release / "change.patch"
    for diff in whatthepatch.parse_patch(patch.read_text(encoding="utf-8")):
        assert diff.header.old_path.removeprefix("a/") == diff.header.new_path.removeprefix("b/")
        file = into / diff.header.new_path.removeprefix("b/")
        lines = whatthepatch.apply_diff(diff, file.read_text(encoding="utf-8"))
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return into


def output_of(code: Path, program: str) -> list[str]:
    """Return the words that a program printed that imports this code. It runs in its own process,
    since `storefront` is the first release here."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def deploy(release: str) -> pytest.MarkDecorator:
    """Run the test with that release deployed, in the fixture `deployed`."""
    return pytest.mark.parametrize("deployed", [release], indirect=True)
