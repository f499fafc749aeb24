"""The docker substrate on a stub of an engine: what it does to many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from docker.errors import APIError

from gameday.ports import Instance, PortError
from gameday.substrates.docker import docker_substrate
from gameday.substrates.docker.containers import Containers
from gameday.substrates.docker.docker_client import Unanswered
from gameday.substrates.docker.docker_substrate import STARTING, DockerSubstrate
from tests.support.stub_service import serving
from tests.support.substrate_lab import release, topology

WAIT_S = 10.0


class Slow:
    """Containers whose starts take until so many are under way together, and a moment more."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.full = threading.Barrier(STARTING)
        self.inside = self.most = 0

    def create(self, instance: Any, *rest: object) -> str:
        return str(instance.id)

    def run(self, *_: object) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.full.wait(WAIT_S)
        threading.Event().wait(0.05)
        with self.lock:
            self.inside -= 1

    def pid(self, *_: object) -> int:
        return 0

    def discard(self, *_: object) -> None:
        pass


@pytest.fixture
def substrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerSubstrate]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    monkeypatch.setattr(docker_substrate, "await_answer", lambda *_: True)
    with serving(tmp_path / "engine.sock"):
        made = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
        made.open()
        monkeypatch.setattr(made, "_layers", type("Layers", (), {"image": lambda *_: "image"})())
        yield made
        assert made.close() == []


def test_so_many_start_at_once_and_no_more(
    substrate: DockerSubstrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever kills the runner then has few starts to wait for."""
    slow = Slow()
    monkeypatch.setattr(substrate, "_containers", slow)
    web = topology().service("us-east", "web")
    with ThreadPoolExecutor(3 * STARTING) as pool:
        started = list(pool.map(lambda _: substrate.start(web, release(web), {}), range(3 * STARTING)))
    assert len({each.id for each in started}) == 3 * STARTING
    assert slow.most == STARTING


def test_a_container_that_cannot_be_removed_is_dead_all_the_same(tmp_path: Path) -> None:
    """Its death is told, with why it is still there; its end takes it."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")

    class Stubborn:
        def starved(self, instance: Instance, container: str) -> str:
            return "out of memory"

        def discard(self, instance: Instance, container: str) -> None:
            raise PortError("device or resource busy")

    substrate._containers = cast(Any, Stubborn())
    why = substrate._bury(Instance("us-east.web.1", "us-east", "web", "web-1.0.0"), "c" * 64)
    assert why == "out of memory\ndevice or resource busy"


def test_a_log_that_cannot_be_read_keeps_no_container(tmp_path: Path) -> None:
    """It is removed without; an engine that doesn't answer at all is told."""
    done: list[str] = []
    response = requests.Response()
    response.status_code = 500

    def logs(container: str, **options: object) -> bytes:
        raise APIError("no such log", response)

    client = SimpleNamespace(
        kill=lambda container: None,
        logs=logs,
        remove_container=lambda container, **options: done.append(container),
    )
    networks = SimpleNamespace(detached=lambda container: None)
    held = Containers(cast(Any, client), cast(Any, None), cast(Any, networks), tmp_path)
    one = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")
    held.discard(one, "c1")
    assert done == ["c1"]
    client.logs = lambda container, **options: (_ for _ in ()).throw(requests.ConnectTimeout())
    with pytest.raises(Unanswered, match=r"the log of us-east\.web\.1"):
        held.discard(one, "c1")
