"""Taking everything off an engine, and giving one up that hangs; against a stub of one."""

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
    """One that waits for no answer for long."""
    monkeypatch.setattr(docker_client, "LIST_S", 0.3)
    monkeypatch.setattr(docker_client, "PING_S", 0.2)
    with closing(connect(0.3)) as made:
        yield made


def fill(stub: Stub) -> None:
    """Three regions of four, two of which are on the backbone as well."""
    for region in "abc":
        for number in range(4):
            stub.containers[f"{region}{number}" * 10] = [region, *(["backbone"] if number < 2 else [])]
    stub.networks = ["a", "b", "c", "backbone"]


def test_no_two_leave_a_network_at_once(stub: Stub, client: Engine) -> None:
    """Those that share none go side by side; everything goes."""
    fill(stub)
    results: list[str] = []
    assert removal.remove(client, "run", results.append) == []
    assert (stub.containers, stub.networks, len(results)) == ({}, [], 12)
    assert stub.together == set()
    left = [call for call in stub.calls if call.endswith("/disconnect")]
    assert len(left) == 6


def test_those_that_share_no_network_go_side_by_side() -> None:
    """All four are under way at once, else the barrier breaks; and who is on none goes too."""
    together = threading.Barrier(4)

    def end(each: str) -> None:
        if each != "e":
            together.wait(FEW_S)

    by_name = {**{each: frozenset(each) for each in "abcd"}, "e": frozenset[str]()}
    removal.remove_apart(by_name, lambda each, network: None, end)
    assert not together.broken


def test_what_was_never_started_is_on_no_network(stub: Stub, client: Engine) -> None:
    """So nobody waits for it, and it for nobody; one that is being started is on all of its own."""
    fill(stub)
    stub.created = {container for container in stub.containers if container.startswith("a")}
    stub.starting = {each for each in stub.containers if each.startswith("b")}
    found = removal.containers(client, "run")
    assert {each[:2] for each, networks in found.items() if not networks} == {"a0", "a1", "a2", "a3"}
    assert removal.remove(client, "run") == []
    assert len([call for call in stub.calls if call.endswith("/disconnect")]) == 4
    assert stub.together == set()


def test_what_cannot_be_logged_is_removed_all_the_same(stub: Stub, client: Engine) -> None:
    """A container that fails is told by its id; the others go."""
    fill(stub)

    def last(container: str) -> None:
        if container.startswith("a3"):
            raise PortError("no log")

    assert removal.remove(client, "run", last) == ["no log"]
    assert list(stub.containers) == ["a3" * 10]


def test_a_hang_is_waited_for_once(stub: Stub, hasty: Engine) -> None:
    """Once a call went without an answer, a hundred more take no longer than a sign of life; then all is as before."""
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
    """Closing ends in its time, says that the engine hangs and what to type once it answers; then that removes all."""
    monkeypatch.setattr("gameday.substrates.docker.docker_substrate.PATIENCE_S", 0.5)
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    substrate.open()
    fill(stub)
    stub.answers.clear()
    begun = time.monotonic()
    (left,) = substrate.close()
    assert time.monotonic() - begun < FEW_S
    assert "the Docker engine hangs" in left
    assert left.endswith("once it answers: gameday heal run")
    stub.answers.set()
    with closing(connect(10.0)) as after:
        assert removal.remove(after, "run") == []
    assert stub.containers == {}


@pytest.mark.usefixtures("hasty")
def test_the_reaper_gives_up_an_engine_that_begins_to_hang(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of forty containers it waits for one, not for each; and goes on where the engine is itself again in time."""
    for name, value in (("ASK_S", 0.3), ("CALL_S", 0.3), ("LOOK_S", 0.05)):
        monkeypatch.setattr(docker_labels, name, value)
    stub.containers = {f"{number:02}" * 10: [f"n{number % 4}"] for number in range(40)}
    stub.hangs_at = "/kill"
    begun = time.monotonic()
    (left,) = docker_labels.remove(["run"], 0.5)["run"][1]
    assert time.monotonic() - begun < FEW_S
    assert "the Docker engine hangs" in left
    assert len(stub.containers) == 40
    stub.hangs_at, stub.misses = "", 3
    assert docker_labels.remove(["run"], 10.0) == {"run": (["40 containers"], [])}


@pytest.mark.usefixtures("hasty")
def test_an_engine_that_comes_back_is_waited_for(stub: Stub, tmp_path: Path) -> None:
    """Nothing is left where it answers again in time."""
    substrate = DockerSubstrate("run", topology(), tmp_path, lambda: "image")
    substrate.open()
    fill(stub)
    stub.answers.clear()
    stub.misses = 2
    assert list(substrate.close()) == []
    assert stub.containers == {}


def test_the_address_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no engine is reached only the reason is said: the address may hold what is secret."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://someone:hush@127.0.0.1:1")
    with pytest.raises(PortError) as caught:
        connect(1.0)
    assert "can't be reached" in str(caught.value)
    assert "hush" not in str(caught.value)
