"""Whole runs by the command line, each in a folder of its own.

.ci/run makes one run of each kind, and each is alone in showing something:

    test_process       the README's run: detected, rolled back, measured, the same bytes when analysed again
    test_console       a person acknowledges and rolls back in a browser; the pages are accessible
    test_loss          SQL finds every acknowledged order after the loss of a synchronous primary under load
    test_secrets       no file, output or command line holds a secret; SIGTERM ends a run in order
    test_external      an application that gameday didn't start, with its own deploy and rollback commands
    test_revert_only   `heal` reverts the faults of a killed runner and leaves the system running
    test_up            `up` and `down`
    test_regions       a primary that was cut off is fenced; a lost one returns without its divergence
    test_surroundings  the wheel in a folder whose modules shadow others
    test_docker        the README's scenario on containers

Tests marked `full`, for scripts/full alone, are variants of these or join parts that scripts/check tests one by one: other
responders, replication delays and lengths of a full disk; abort conditions, a plug-in and a team's own Prometheus in whole
runs; containers if processes or the contract suite cover the same.
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
