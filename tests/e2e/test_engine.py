"""A Docker engine that hangs or dies in mid-run: the run ends in time and says so; heal removes all once it is back."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from gameday.ports import PortError
from gameday.substrates.docker import docker_labels
from gameday.substrates.docker.docker_client import calling, connect
from tests.support.docker_engine import require_docker
from tests.support.running_gameday import reached, under_way
from tests.support.whole_runs import GAMEDAY

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(400)]
BOUND_S = 90.0
"""From the engine's last word to the end of the run."""
BACK_S = 60.0
DOCKER = ("--substrate", "docker", "--responder", "none", "--set", "steadyState.for=30s")


@pytest.fixture(autouse=True)
def _own_engine() -> None:
    """These tests stop the engine: it must be one that was started for them (GAMEDAY_OWN_ENGINE), as CI's is."""
    require_docker()
    if not os.environ.get("GAMEDAY_OWN_ENGINE"):
        pytest.skip("GAMEDAY_OWN_ENGINE isn't set: no engine that others use is stopped here")


def engine() -> psutil.Process:
    """Who listens at the engine's socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return psutil.Process(struct.unpack("3i", credentials)[0])


@contextmanager
def hung() -> Iterator[None]:
    """It takes every call and answers none while the block lasts."""
    process = engine()
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def killed() -> list[str]:
    """Its command line, with which it is started again."""
    process = engine()
    command = process.cmdline()
    process.kill()
    psutil.wait_procs([process], 10)
    return command


def again(command: list[str], log: Path) -> None:
    """Up and answering; it outlives the test."""
    with log.open("ab") as out:
        # Nobody's child, or pytest would complain of the one that it leaves.
        subprocess.run(
            ["setsid", "--fork", *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True
        )
    until = time.monotonic() + BACK_S
    while True:
        try:
            with closing(connect(1.0)) as client, calling("ping"):
                client.ping()
                return
        except PortError:
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)


def heal(run: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GAMEDAY, "heal", run], capture_output=True, text=True, timeout=120, check=False)


def ended_in(process: subprocess.Popen[str], since: float) -> tuple[str, float]:
    """What it printed, and after how many seconds it ended."""
    printed, _ = process.communicate(timeout=2 * BOUND_S)
    took = time.monotonic() - since
    print(f"{printed}\nended {took:.1f} s after that, exit status {process.returncode}")  # noqa: T201
    assert "Traceback" not in printed
    assert took < BOUND_S
    return printed, took


def test_an_engine_that_hangs(room: Path) -> None:
    """Exit 5, the engine named as hanging, the command that takes up what is left; once it answers nothing is."""
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *DOCKER) as process:
        run = reached(process, out, "steady")
        with hung():
            printed, _ = ended_in(process, time.monotonic())
            assert process.returncode == 5
            assert "the Docker engine hangs" in printed
            assert f"gameday heal {run}" in printed
            told = heal(run)
            assert (told.returncode, f"gameday heal {run}" in told.stderr) == (5, True), told
    told = heal(run)
    assert told.returncode == 0, told
    assert run not in docker_labels.everything()


@pytest.mark.full
@pytest.mark.parametrize("after", ["at once", "later"])
def test_an_engine_that_is_killed(after: str, room: Path, request: pytest.FixtureRequest) -> None:
    """An error of the run; where the engine is back in time nothing is left, else heal removes it once it is."""
    out, log = room / "runs", Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).with_name("dockerd.log")
    with under_way(out, "bad-deploy-pricing", *DOCKER) as process:
        run = reached(process, out, "steady")
        command, since = killed(), time.monotonic()
        back: list[Callable[[], None]] = [lambda: again(command, log)]
        request.addfinalizer(lambda: [each() for each in back])
        if after == "at once":
            back.pop()()
        printed, _ = ended_in(process, since)
        if back:
            back.pop()()
    assert process.returncode == (4 if after == "at once" else 5), printed
    assert "the Docker engine" in printed
    told = heal(run)
    if after == "later":
        assert f"gameday heal {run}" in printed
        assert told.returncode == 0, told
    assert run not in docker_labels.everything()
