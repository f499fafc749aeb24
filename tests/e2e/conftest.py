"""Whole runs by the command line, each in a folder of its own.

.ci/run makes one run of each kind. Tests marked `full`, for scripts/full alone, are variants of it:
other responders, replication delays and lengths of a full disk, and containers if processes or the
contract suite cover the same.
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
    """Return a folder that every user can reach: pytest's own are private, and Postgres never runs
    as root."""
    with tempfile.TemporaryDirectory(prefix="gameday-e2e-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def _own_state(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the list of runs in progress in a folder of the test's own, so that no test can end
    another run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(room / "state"))


def unattached() -> set[str]:
    """Return the machine's unattached shared memory, and the files in /dev/shm that Postgres makes."""
    names, *rows = (
        line.split() for line in Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    )
    mappings = (dict(zip(names, row, strict=True)) for row in rows)
    segments = {
        f"segment {segment['shmid']} of process {segment['cpid']}"
        for segment in mappings
        if segment["nattch"] == "0"
    }
    return segments | {str(path) for path in Path("/dev/shm").glob("PostgreSQL.*")}


@pytest.fixture(autouse=True)
def _no_shared_memory_stays() -> Iterator[None]:
    """Check that killed, destroyed and newly copied databases leave no shared memory."""
    before = unattached()
    yield
    assert unattached() <= before


@pytest.fixture
def play(room: Path) -> Callable[..., Run]:
    """Run a scenario and check what holds for every run: `play("bad-deploy-pricing", "--responder",
    "none")`.

    An inconclusive run is retried once, as in a suite, since a stall of the machine proves nothing.
    """

    def run(*arguments: str) -> Run:
        first = once(room / "runs", *arguments)
        return once(room / "again", *arguments) if first.status == INCONCLUSIVE else first

    def once(out: Path, *arguments: str) -> Run:
        command = [*GAMEDAY, "run", *arguments, "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        return finished(out, done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def altered(room: Path) -> Callable[..., str]:
    """Return a changed copy of a scenario: `altered("wrong-prices", "detectors: …", {"ttd < 5s":
    "ttd < 9s"})`."""

    def copy(name: str, more: str = "", changed: Mapping[str, str] | None = None) -> str:
        text = library.paths()[name].read_text(encoding="utf-8")
        for old, new in (changed or {}).items():
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        path = room / f"{name}.yaml"
        path.write_text(text + more, encoding="utf-8")
        return str(path)

    return copy
