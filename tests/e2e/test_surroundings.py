"""A whole run of the installed wheel in a place where the user's own modules shadow everything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.built_wheel import build_wheel, install
from tests.support.whole_runs import finished

pytestmark = pytest.mark.e2e

IN_CURRENT_FOLDER = ("random", "types", "logging")
QUICK = ("--set", "steadyState.for=6s", "--set", "hold=6s")
INCONCLUSIVE = 3


def plant(path: Path, name: str) -> None:
    """Write a module that ends every process that imports it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"raise SystemExit('{name} of the user was imported')\n")


def installed(room: Path) -> tuple[Path, Path]:
    """Return (`gameday`, site-packages) of the environment that GAMEDAY_WHEEL_VENV names, in which .ci/run has installed the
    wheel by pip, on another Python if there is one; otherwise of one that is made here."""
    given = os.environ.get("GAMEDAY_WHEEL_VENV")
    if not given:
        (room / "tree").mkdir()
        return install(build_wheel(room / "tree"), room / "venv")
    (site,) = Path(given).glob("lib/python3.*/site-packages")
    return Path(given) / "bin" / "gameday", site


@pytest.mark.timeout(400)
def test_nothing_around_a_run_matters(room: Path) -> None:
    """A run passes beside modules that shadow others: a package `reports` in site-packages, another
    one and a `runner.py` on PYTHONPATH, and a current folder with `random.py`, `types.py` and
    `logging.py`. No child process imports any of them."""
    command, site = installed(room)
    plant(site / "reports" / "__init__.py", "reports of PyPI")
    plant(room / "path" / "reports" / "__init__.py", "reports")
    plant(room / "path" / "runner.py", "runner")
    for name in IN_CURRENT_FOLDER:
        plant(room / "here" / f"{name}.py", name)
    for out in ("runs", "again"):
        done = subprocess.run(
            [command, "run", "bad-deploy-pricing", *QUICK, "--substrate", "process", "--out", out],
            cwd=room / "here",
            env={**os.environ, "PYTHONPATH": str(room / "path")},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        run = finished(room / "here" / out, done.returncode, done.stdout + done.stderr)
        if run.status != INCONCLUSIVE:  # a stall of the machine proves nothing
            break
    assert run.status == 0, run.printed
    assert run.outcome["verdict"] == "pass"
    logs = "".join(path.read_text(errors="replace") for path in (run.folder / "logs").iterdir())
    assert "of the user was imported" not in logs + run.printed
