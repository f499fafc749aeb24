"""Labelled objects on a Docker engine, and an engine that doesn't answer."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameday.reaper.leftovers import clear
from gameday.substrates.docker import docker_labels
from gameday.substrates.docker.base_image import base_name
from gameday.substrates.substrate_kind import Traces
from tests.support.docker_engine import require_docker
from tests.support.substrate_lab import engine


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine that takes every connection and never answers."""
    path = tmp_path / "engine.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        listening.listen(100)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr(docker_labels, "ASK_S", 0.1)
        yield


def test_an_engine_that_hangs(silent: None) -> None:
    """An engine that hangs is given up in time and reported as a leftover; the rest is removed."""
    cleared = clear([Traces("test-hung", None, "docker")], kinds=["docker"], patience=0.3)["test-hung"]
    assert len(cleared.left) == 1
    assert "the Docker engine hangs" in cleared.left[0]


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable engine is reported as a leftover, since it may come back."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert docker_labels.local()
    (leftover,) = clear([Traces("test-gone")], kinds=["docker"], patience=0.1)["test-gone"].left
    assert "can't be reached" in leftover


def test_another_machines_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels on another machine's engine are ignored, since its runs may have runners that this
    machine doesn't know."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert not docker_labels.local()


def make(client: Any, run: str) -> None:
    """Make a running and a paused container, each with an anonymous volume, a network and a volume."""
    labels = {"gameday.run": run}
    network = client.create_network(f"gameday-{run}", labels=labels)["Id"]
    client.create_volume(f"gameday-{run}", labels=labels)
    command = ["python3", "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"]
    for _ in range(2):
        container = client.create_container(base_name(), command, labels=labels, volumes=["/data"])["Id"]
        client.connect_container_to_network(container, network)
        client.start(container)
    client.pause(container)


@pytest.mark.docker
def test_everything_of_a_run() -> None:
    """Removal covers paused and deaf containers, their volumes, networks and volumes, and nothing
    of another run."""
    require_docker()
    own, other = (f"test-{uuid.uuid4().hex[:8]}" for _ in range(2))
    with closing(engine()) as client:
        volumes = {volume["Name"] for volume in client.volumes()["Volumes"] or ()}
        try:
            make(client, own)
            client.create_network(f"gameday-{other}", labels={"gameday.run": other})
            assert dict(docker_labels.everything()[own]) == {"container": 2, "network": 1, "volume": 1}
            cleared = clear([Traces(own)], kinds=["docker"], patience=30)[own]
            assert cleared.left == []
            assert cleared.removed == ["2 containers", "1 network", "1 volume"]
            assert own not in docker_labels.everything()
            assert dict(docker_labels.everything()[other]) == {"network": 1}
            assert {volume["Name"] for volume in client.volumes()["Volumes"] or ()} <= volumes
        finally:
            docker_labels.remove([own, other], 30)
