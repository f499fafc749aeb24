"""Runs whose Docker engine hangs or dies: they end in time with an error; heal removes the rest later."""

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
    """Require an engine that was started for these tests (GAMEDAY_OWN_ENGINE), as CI's is, since
    they stop it."""
    require_docker()
    if not os.environ.get("GAMEDAY_OWN_ENGINE"):
        pytest.skip("GAMEDAY_OWN_ENGINE isn't set: no engine that others use is stopped here")


def engine() -> psutil.Process:
    """Return the process that listens at the engine's socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return psutil.Process(struct.unpack("3i", credentials)[0])


@contextmanager
def hung() -> Iterator[None]:
    """Stop the engine while the block runs: it accepts calls and answers none."""
    process = engine()
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def killed() -> list[str]:
    """Kill the engine and return its command line, for a restart."""
    process = engine()
    command = process.cmdline()
    process.kill()
    psutil.wait_procs([process], 10)
    return command


def again(command: list[str], log: Path) -> None:
    """Start the engine and wait until it answers; it outlives the test."""
    with log.open("ab") as out:
        # Detach the engine, since pytest would complain about a child that is left.
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
    """Return the run's output and how many seconds it took to end."""
    printed, _ = process.communicate(timeout=2 * BOUND_S)
    took = time.monotonic() - since
    print(f"{printed}\nended {took:.1f} s after that, exit status {process.returncode}")  # noqa: T201
    assert "Traceback" not in printed
    assert took < BOUND_S
    return printed, took


@pytest.mark.full
def test_an_engine_that_hangs(room: Path) -> None:
    """Exit status 5, an error that names the engine, and the command for the leftovers, which works
    once it answers.

    It takes two minutes of waiting for time-outs. tests/substrates/docker checks the parts against a stub engine that
    hangs: the substrate's end, the reaper and `heal`.
    """
    out = room / "runs"
    with under_way(out, "bad-deploy-pricing", *DOCKER) as process:
        run = reached(process, out, "steady")
        with hung():
            printed, _ = ended_in(process, time.monotonic())
            assert process.returncode == 5
            assert "the Docker engine hangs" in printed
            assert f"gameday heal {run}" in printed
            healed = heal(run)
            assert (healed.returncode, f"gameday heal {run}" in healed.stderr) == (5, True), healed
    healed = heal(run)
    assert healed.returncode == 0, healed
    assert run not in docker_labels.everything()


@pytest.mark.full
@pytest.mark.parametrize("after", ["at once", "later"])
def test_an_engine_that_is_killed(after: str, room: Path, request: pytest.FixtureRequest) -> None:
    """The run is an error; if the engine is back in time nothing is left, otherwise heal removes
    the rest later."""
    out, log = room / "runs", Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).with_name("dockerd.log")
    with under_way(out, "bad-deploy-pricing", *DOCKER) as process:
        run = reached(process, out, "steady")
        command, since = killed(), time.monotonic()
        back: list[Callable[[], None]] = [lambda: again(command, log)]
        request.addfinalizer(lambda: [restart() for restart in back])
        if after == "at once":
            back.pop()()
        printed, _ = ended_in(process, since)
        if back:
            back.pop()()
    assert process.returncode == (4 if after == "at once" else 5), printed
    assert "the Docker engine" in printed
    healed = heal(run)
    if after == "later":
        assert f"gameday heal {run}" in printed
        assert healed.returncode == 0, healed
    assert run not in docker_labels.everything()
