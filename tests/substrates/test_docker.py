"""The docker substrate on a stub of an engine: what it does to many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from runner.substrates import docker
from runner.substrates.docker import STARTING, DockerSubstrate
from tests.contract.lab import release, topology
from tests.substrates.stub import serving

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
    monkeypatch.setattr(docker, "await_answer", lambda *_: True)
    with serving(tmp_path / "engine.sock"):
        made = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
        made.open()
        monkeypatch.setattr(made, "_layers", type("Layers", (), {"image": lambda *_: "image"})())
        yield made
        assert made.close() == []


def test_so_many_start_at_once_and_no_more(substrate: DockerSubstrate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever kills the runner then has few starts to wait for."""
    slow = Slow()
    monkeypatch.setattr(substrate, "_containers", slow)
    web = topology().service("us-east", "web")
    with ThreadPoolExecutor(3 * STARTING) as pool:
        started = list(pool.map(lambda _: substrate.start(web, release(web), {}), range(3 * STARTING)))
    assert len({each.id for each in started}) == 3 * STARTING
    assert slow.most == STARTING
