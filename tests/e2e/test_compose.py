"""Whole runs on Compose projects of one's own: one that is brought up, and one that is attached to and whose runner dies."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.substrates.compose.compose_program import compose_program
from gameday.substrates.docker.docker_client import connect
from tests.support.docker_engine import require_docker
from tests.support.paths import ROOT
from tests.support.waiting import until
from tests.support.whole_runs import GAMEDAY, finished

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.full, pytest.mark.timeout(300)]
SMALL = ROOT / "tests/compose-files/small"
ATTACHED = """\
name: small-frozen
title: The backend of a running project hangs
story: Its container is paused.
system:
  attach: {project: PROJECT}
"""


@pytest.fixture(autouse=True)
def _engine() -> None:
    require_docker()
    try:
        compose_program()
    except PortError as error:
        pytest.skip(str(error))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small project in a folder of its own."""
    return Path(shutil.copytree(SMALL, tmp_path / "project"))


@pytest.fixture
def running(project: Path) -> Iterator[str]:
    """The name of a project that runs, and is taken down afterwards."""
    name = f"attached-{secrets.token_hex(3)}"
    compose = [*compose_program(), "--file", str(project / "compose.yaml"), "--project-name", name]
    subprocess.run([*compose, "up", "--detach", "--wait"], check=True, capture_output=True, timeout=120)
    yield name
    subprocess.run([*compose, "down", "--volumes"], check=True, capture_output=True, timeout=120)


def states(project: str) -> dict[str, str]:
    """Return container → its state, of every container of the project."""
    client: Any = connect()
    listed = client.containers(all=True, filters={"label": f"com.docker.compose.project={project}"})
    client.close()
    return {container["Id"]: container["State"] for container in listed}


def test_a_bad_setting_of_ones_own_project_is_found_and_rolled_back(project: Path, tmp_path: Path) -> None:
    """Compose ships the change and the rollback; the project's files are unchanged and nothing of it is left."""
    out = tmp_path / "runs"
    before = (project / "compose.yaml").read_bytes()
    command = [*GAMEDAY, "run", str(project / "bad-environment.yaml"), "--out", str(out)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    run = finished(out, process.returncode, process.stderr + process.stdout)
    assert (run.status, run.outcome["ttr_state"]) == (0, "measured")
    assert run.events("change.started")[0].data["release"] == "FAIL=1"
    assert (project / "compose.yaml").read_bytes() == before
    assert states(f"gameday-{run.folder.name.replace('-', '')}") == {}


def test_a_project_that_is_attached_to_outlives_its_killed_runner(
    project: Path, running: str, tmp_path: Path
) -> None:
    """After SIGKILL of the runner the reaper reverts the fault; the same containers run as before."""
    before = states(running)
    text = (project / "bad-environment.yaml").read_text(encoding="utf-8")
    head, tail = text.split("name: ", 1)[0], text[text.index("  entry:") :]
    text = head + ATTACHED.replace("PROJECT", running) + tail
    fault = "instance.pause: {service: api}"
    change = 'deploy: {service: api, environment: {FAIL: "1"}, defect: answers 500}'
    assert change in text
    scenario = project / "frozen.yaml"
    scenario.write_text(
        text.replace(change, fault).replace("hold: 5s", "hold: 5s\nrespond: {by: none}"), encoding="utf-8"
    )
    command = [*GAMEDAY, "run", str(scenario), "--out", str(tmp_path / "runs")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: "paused" in states(running).values(), "the backend to be paused", 120)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    until(lambda: states(running) == before, "the project to be as it was found", 60)
