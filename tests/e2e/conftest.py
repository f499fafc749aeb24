"""Whole runs by the command line, each in a folder of its own.

.ci/run makes one run of each kind. Marked `full`, for scripts/full alone, are variants of a run that .ci/run makes: other
responders, replication delays and lengths of a full disk, and containers where processes or the contract suite show it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gameday.execution import library
from tests.support.whole_runs import GAMEDAY, Run, finished

INCONCLUSIVE = 3


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that every user can reach: pytest's own are private, and Postgres never runs as root."""
    with tempfile.TemporaryDirectory(prefix="gameday-e2e-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def _own_state(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs under way are listed here alone, so that no test can end a run that isn't its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(room / "state"))


def unattached() -> set[str]:
    """The machine's shared memory that nobody uses, and the files in which Postgres has more of it, used or not."""
    names, *rows = (
        line.split() for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    )
    mappings = (dict(zip(names, row, strict=True)) for row in rows)
    segments = {
        f"segment {each['shmid']} of process {each['cpid']}" for each in mappings if each["nattch"] == "0"
    }
    return segments | {str(path) for path in Path("/dev/shm").glob("PostgreSQL.*")}


@pytest.fixture(autouse=True)
def _no_shared_memory_stays() -> Iterator[None]:
    """Of databases that were killed; also where their data were destroyed, or copied anew."""
    before = unattached()
    yield
    assert unattached() <= before


@pytest.fixture
def play(room: Path) -> Callable[..., Run]:
    """`play("bad-deploy-pricing", "--responder", "none")` runs it and checks what holds for every run.

    An inconclusive one is made once more, as a suite does it: a machine that stood still for a moment says nothing.
    """

    def run(*arguments: str) -> Run:
        found = once(room / "runs", *arguments)
        return once(room / "again", *arguments) if found.status == INCONCLUSIVE else found

    def once(out: Path, *arguments: str) -> Run:
        command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        return finished(out, done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def altered(room: Path) -> Callable[..., str]:
    """`altered("wrong-prices", "detectors: …", {"ttd < 5s": "ttd < 9s"})`: path of a copy, added to and changed."""

    def copy(name: str, more: str = "", changed: Mapping[str, str] | None = None) -> str:
        text = library.paths()[name].read_text(encoding="utf-8")
        for old, new in (changed or {}).items():
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        path = room / f"{name}.yaml"
        path.write_text(text + more, encoding="utf-8")
        return str(path)

    return copy
