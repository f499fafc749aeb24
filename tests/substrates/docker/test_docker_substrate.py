"""Docker substrate on a stub of an engine: concurrent starts, deaths, logs."""

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
from gameday.substrates.docker import container_launcher
from gameday.substrates.docker.container_launcher import STARTING, Running
from gameday.substrates.docker.container_lifecycle import Containers
from gameday.substrates.docker.docker_client import Unanswered
from gameday.substrates.docker.docker_substrate import DockerSubstrate
from tests.support.stub_service import serving
from tests.support.substrate_lab import release, topology

WAIT_S = 10.0


class Slow:
    """Containers whose starts last until STARTING of them are in flight, and 50 ms more."""

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
    monkeypatch.setattr(container_launcher, "await_answer", lambda *_: True)
    with serving(tmp_path / "engine.sock"):
        substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
        substrate.open()
        layers = type("ReleaseLayers", (), {"image": lambda *_: "image"})()
        monkeypatch.setattr(substrate._launcher, "layers", layers)
        yield substrate
        assert substrate.close() == []


def test_starts_in_flight_are_limited(substrate: DockerSubstrate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has at most STARTING starts of a run in flight, so that a removal has few to wait for."""
    slow = Slow()
    monkeypatch.setattr(substrate, "_containers", slow)
    monkeypatch.setattr(substrate._launcher, "containers", slow)
    web = topology().service("us-east", "web")
    with ThreadPoolExecutor(3 * STARTING) as pool:
        started = list(pool.map(lambda _: substrate.start(web, release(web), {}), range(3 * STARTING)))
    assert len({instance.id for instance in started}) == 3 * STARTING
    assert slow.most == STARTING


def test_a_container_that_cannot_be_removed_is_dead_all_the_same(tmp_path: Path) -> None:
    """A dead container that can't be removed is reported as dead, with the reason why it is still there."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")

    class Stubborn:
        def how_it_ended(self, instance: Instance, container: str) -> str:
            return "out of memory"

        def log(self, instance: Instance) -> Path:
            return tmp_path / "none.log"

        def discard(self, instance: Instance, container: str) -> None:
            raise PortError("device or resource busy")

    substrate._containers = cast(Any, Stubborn())
    reason = substrate._bury(Instance("us-east.web.1", "us-east", "web", "web-1.0.0"), "c" * 64)
    assert reason == "out of memory\ndevice or resource busy"


def test_a_slow_removal_of_the_dead_delays_nobody_else(tmp_path: Path) -> None:
    """While a dead container is removed, the running instances are listed at once, without it."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    web = topology().service("us-east", "web")
    dead, alive = (substrate._registry.number(web, release(web)) for _ in range(2))
    for instance in (dead, alive):
        substrate._registry.add(instance, Running(f"c-{instance.id}", 1, 1))
    removing, go = threading.Event(), threading.Event()

    class SlowRemoval:
        def how_it_ended(self, instance: Instance, container: str) -> str:
            return "exit status 1"

        def log(self, instance: Instance) -> Path:
            return tmp_path / "none.log"

        def discard(self, instance: Instance, container: str) -> None:
            removing.set()
            go.wait(WAIT_S)

    client = SimpleNamespace(containers=lambda **_: [{"Id": f"c-{alive.id}", "State": "running"}])
    substrate._containers, substrate._engine = cast(Any, SlowRemoval()), cast(Any, client)
    with ThreadPoolExecutor() as pool:
        died = pool.submit(substrate.died)
        assert removing.wait(WAIT_S)
        assert pool.submit(substrate.instances).result(WAIT_S / 2) == [alive]
        assert not died.done()
        go.set()
        assert died.result(WAIT_S) == [(dead, "exit status 1")]
    assert substrate.died() == []


def test_a_log_that_cannot_be_read_keeps_no_container(tmp_path: Path) -> None:
    """A container is removed without its log; an engine that doesn't answer at all is an error."""
    removed: list[str] = []
    response = requests.Response()
    response.status_code = 500

    def logs(container: str, **options: object) -> bytes:
        raise APIError("no such log", response)

    client = SimpleNamespace(
        kill=lambda container: None,
        logs=logs,
        remove_container=lambda container, **options: removed.append(container),
    )
    networks = SimpleNamespace(detached=lambda container: None)
    containers = Containers(cast(Any, client), cast(Any, None), cast(Any, networks), tmp_path)
    one = Instance("us-east.web.1", "us-east", "web", "web-1.0.0")
    containers.discard(one, "c1")
    assert removed == ["c1"]
    client.logs = lambda container, **options: (_ for _ in ()).throw(requests.ConnectTimeout())
    with pytest.raises(Unanswered, match=r"the log of us-east\.web\.1"):
        containers.discard(one, "c1")
