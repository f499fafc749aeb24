"""Containers of a run: a user of their own, no capability, no new privileges, bounded processes, a read-only root."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker_engine import require_docker
from tests.support.substrate_lab import engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """What the engine says of every container of a shop that is up."""
    require_docker()
    out = tmp_path_factory.mktemp("runs")
    process = subprocess.Popen(
        [sys.executable, "-m", "gameday", "up", "good-release", "--substrate", "docker", "--out", out],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline().startswith("http://")
        (run,) = (path.name for path in Path(out).iterdir())
        with closing(engine()) as client:
            found = client.containers(filters={"label": f"gameday.run={run}"})
            yield [client.inspect_container(container["Id"]) for container in found]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode == 0


def test_each_has_what_it_needs_and_no_more(containers: list[dict[str, Any]]) -> None:
    """The same for every service: databases, link servers and the edge too."""
    assert len(containers) >= 20
    for container in containers:
        name, host = container["Name"], container["HostConfig"]
        assert container["Config"]["User"] == "10001:10001", name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert "no-new-privileges" in host["SecurityOpt"], name
        assert 0 < host["PidsLimit"] <= 512, name
        assert host["ReadonlyRootfs"], name
        assert {binding["HostIp"] for ports in host["PortBindings"].values() for binding in ports} == {
            "127.0.0.1"
        }


def test_the_kernel_agrees(containers: list[dict[str, Any]]) -> None:
    """By the first process of each: its user, an empty set of capabilities, `no_new_privs`."""
    for container in containers:
        lines = Path(f"/proc/{container['State']['Pid']}/status").read_text(encoding="ascii").splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert status["Uid"] == ["10001"] * 4
        assert [int(status[name][0], 16) for name in CAPABILITIES] == [0] * 5
        assert status["NoNewPrivs"] == ["1"]
