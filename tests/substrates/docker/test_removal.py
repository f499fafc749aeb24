"""Removal of a run from an engine, and giving up an engine that hangs, against a stub engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.docker import docker_client, docker_labels, removal
from gameday.substrates.docker.docker_client import Engine, Unanswered, calling, connect
from gameday.substrates.docker.docker_substrate import DockerSubstrate
from tests.support.stub_service import Stub, serving
from tests.support.substrate_lab import topology

FEW_S = 10.0


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    with serving(tmp_path / "engine.sock") as made:
        yield made


@pytest.fixture
def client(stub: Stub) -> Iterator[Engine]:
    with closing(connect(10.0)) as made:
        yield made


@pytest.fixture
def hasty(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A client with a short time-out."""
    monkeypatch.setattr(docker_client, "LIST_S", 0.3)
    monkeypatch.setattr(docker_client, "PING_S", 0.2)
    with closing(connect(0.3)) as made:
        yield made


def fill(stub: Stub) -> None:
    """Add three regions of four containers, two of which are on the backbone as well."""
    for region in "abc":
        for number in range(4):
            stub.containers[f"{region}{number}" * 10] = [region, *(["backbone"] if number < 2 else [])]
    stub.networks = ["a", "b", "c", "backbone"]


def test_no_two_leave_a_network_at_once(stub: Stub, client: Engine) -> None:
    """No two containers leave the same network at once; all of them are removed."""
    fill(stub)
    results: list[str] = []
    assert removal.remove(client, "run", results.append) == []
    assert (stub.containers, stub.networks, len(results)) == ({}, [], 12)
    assert stub.together == set()
    disconnects = [call for call in stub.calls if call.endswith("/disconnect")]
    assert len(disconnects) == 6


def test_containers_without_a_common_network_are_removed_concurrently() -> None:
    """Four containers on separate networks are in flight at once, else the barrier breaks; one
    without a network goes too."""
    together = threading.Barrier(4)

    def end(container: str) -> None:
        if container != "e":
            together.wait(FEW_S)

    by_name = {**{container: frozenset(container) for container in "abcd"}, "e": frozenset[str]()}
    removal.remove_apart(by_name, lambda container, network: None, end)
    assert not together.broken


def test_a_container_never_started_is_on_no_network(stub: Stub, client: Engine) -> None:
    """A container that was never started waits for no network; one that is starting counts as on
    all of its own."""
    fill(stub)
    stub.created = {container for container in stub.containers if container.startswith("a")}
    stub.starting = {container for container in stub.containers if container.startswith("b")}
    networks_of = removal.containers(client, "run")
    assert {container[:2] for container, networks in networks_of.items() if not networks} == {
        "a0",
        "a1",
        "a2",
        "a3",
    }
    assert removal.remove(client, "run") == []
    assert len([call for call in stub.calls if call.endswith("/disconnect")]) == 4
    assert stub.together == set()


def test_a_failing_container_does_not_keep_the_others(stub: Stub, client: Engine) -> None:
    """A container that fails is reported by its id; the others are removed."""
    fill(stub)

    def last(container: str) -> None:
        if container.startswith("a3"):
            raise PortError("no log")

    assert removal.remove(client, "run", last) == ["no log"]
    assert list(stub.containers) == ["a3" * 10]


def test_a_hang_is_waited_for_once(stub: Stub, hasty: Engine) -> None:
    """After one call without an answer, a hundred more take no longer than a ping; once the engine
    answers, calls work as before."""
    stub.answers.clear()
    begun = time.monotonic()
    for _ in range(100):
        with pytest.raises(Unanswered, match="the Docker engine hangs"), calling("looking"):
            hasty.inspect_container("a")
    assert time.monotonic() - begun < FEW_S
    assert hasty.hangs
    stub.answers.set()
    until = time.monotonic() + FEW_S
    while hasty.hangs and time.monotonic() < until:
        try:
            with calling("looking"):
                hasty.inspect_container("a")
        except Unanswered:
            continue
    assert not hasty.hangs


@pytest.mark.usefixtures("hasty")
def test_an_engine_that_hangs_is_given_up(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing ends in time and reports that the engine hangs, with the command to run once it
    answers; that command removes everything."""
    monkeypatch.setattr("gameday.substrates.docker.docker_substrate.PATIENCE_S", 0.5)
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    substrate.open()
    fill(stub)
    stub.answers.clear()
    begun = time.monotonic()
    (leftover,) = substrate.close()
    assert time.monotonic() - begun < FEW_S
    assert "the Docker engine hangs" in leftover
    assert leftover.endswith("once it answers: gameday heal run")
    stub.answers.set()
    with closing(connect(10.0)) as after:
        assert removal.remove(after, "run") == []
    assert stub.containers == {}


@pytest.mark.usefixtures("hasty")
def test_the_reaper_gives_up_an_engine_that_begins_to_hang(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reaper waits for one of forty containers, not for each, and continues if the engine
    recovers in time."""
    for name, value in (("ASK_S", 0.3), ("CALL_S", 0.3), ("LOOK_S", 0.05)):
        monkeypatch.setattr(docker_labels, name, value)
    stub.containers = {f"{number:02}" * 10: [f"n{number % 4}"] for number in range(40)}
    stub.hangs_at = "/kill"
    begun = time.monotonic()
    (leftover,) = docker_labels.remove(["run"], 0.5)["run"][1]
    assert time.monotonic() - begun < FEW_S
    assert "the Docker engine hangs" in leftover
    assert len(stub.containers) == 40
    stub.hangs_at, stub.misses = "", 3
    assert docker_labels.remove(["run"], 10.0) == {"run": (["40 containers"], [])}


@pytest.mark.usefixtures("hasty")
def test_an_engine_that_comes_back_is_waited_for(stub: Stub, tmp_path: Path) -> None:
    """If the engine answers again in time, no container is left."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    substrate.open()
    fill(stub)
    stub.answers.clear()
    stub.misses = 2
    assert list(substrate.close()) == []
    assert stub.containers == {}


def test_the_error_hides_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the engine can't be reached, the error has only the reason, since the address may hold a
    secret."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://someone:hush@127.0.0.1:1")
    with pytest.raises(PortError) as caught:
        connect(1.0)
    assert "can't be reached" in str(caught.value)
    assert "hush" not in str(caught.value)
