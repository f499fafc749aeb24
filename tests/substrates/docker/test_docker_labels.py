"""What carries a label on a Docker engine, and an engine that says nothing."""

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
    """Is given up in time, and told as left; the rest is cleared."""
    cleared = clear([Traces("test-hung", None, "docker")], kinds=["docker"], patience=0.3)["test-hung"]
    assert len(cleared.left) == 1
    assert "the Docker engine hangs" in cleared.left[0]


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is gone may come back; until then it is left."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert docker_labels.local()
    (left,) = clear([Traces("test-gone")], kinds=["docker"], patience=0.1)["test-gone"].left
    assert "can't be reached" in left


def test_another_machines_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs may have runners that nothing here knows of."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert not docker_labels.local()


def make(client: Any, run: str) -> None:
    """A container that runs, one that is paused, with an anonymous volume each; a network and a volume."""
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
    """Paused and deaf containers, what they hold, networks, volumes; not those of another run."""
    require_docker()
    mine, other = (f"test-{uuid.uuid4().hex[:8]}" for _ in range(2))
    with closing(engine()) as client:
        volumes = {Volume["Name"] for Volume in client.volumes()["Volumes"] or ()}
        try:
            make(client, mine)
            client.create_network(f"gameday-{other}", labels={"gameday.run": other})
            assert dict(docker_labels.everything()[mine]) == {"container": 2, "network": 1, "volume": 1}
            cleared = clear([Traces(mine)], kinds=["docker"], patience=30)[mine]
            assert cleared.left == []
            assert cleared.removed == ["2 containers", "1 network", "1 volume"]
            assert mine not in docker_labels.everything()
            assert dict(docker_labels.everything()[other]) == {"network": 1}
            assert {each["Name"] for each in client.volumes()["Volumes"] or ()} <= volumes
        finally:
            docker_labels.remove([mine, other], 30)
