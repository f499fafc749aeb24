"""A project's containers are brought back to how they were found: paused, stopped, or gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gameday.substrates.compose.container_record import (
    SERVICE,
    ProjectRecord,
    found_containers,
    leftovers,
    read_record,
    restore,
)


class Containers:
    """An engine with containers: id → [service, state]."""

    def __init__(self, **states: str) -> None:
        self.states = states

    def containers(self, **_: Any) -> Any:
        return [
            {"Id": key, "State": state, "Labels": {SERVICE: key.partition("_")[0]}}
            for key, state in self.states.items()
        ]

    def inspect_container(self, container: str) -> Any:
        state = self.states[container]
        return {
            "State": {"Running": state != "exited", "Paused": state == "paused"},
            "HostConfig": {"NanoCpus": 0, "Memory": 0, "MemorySwap": 0},
        }

    def pause(self, container: str) -> None:
        assert self.states[container] == "running"
        self.states[container] = "paused"

    def unpause(self, container: str) -> None:
        assert self.states[container] == "paused"
        self.states[container] = "running"

    def start(self, container: str) -> None:
        self.states[container] = "running"


def record_of(engine: Containers) -> ProjectRecord:
    return ProjectRecord("shop", True, found_containers(engine, "shop"))


def test_a_container_that_was_found_paused_is_left_paused(tmp_path: Path) -> None:
    """Whether it was paused is in the record; one that a fault paused is resumed."""
    engine = Containers(web="paused", api="running", db="paused")
    record_of(engine).write(tmp_path)
    record = read_record(tmp_path)
    assert record is not None
    engine.states.update(web="running", api="paused", db="exited")
    assert sorted(leftovers(engine, record)) == ["api", "db", "web"]
    assert restore(engine, record) == []
    assert engine.states == {"web": "paused", "api": "running", "db": "paused"}
    assert list(leftovers(engine, record)) == []


def test_containers_that_are_gone_are_left_over_unless_others_replace_them() -> None:
    """As many containers of a service must run as were found running; a stopped one isn't missed."""
    engine = Containers(web_1="running", web_2="running", web_3="exited", api_1="running")
    record = record_of(engine)
    del engine.states["web_1"], engine.states["web_3"]
    assert list(leftovers(engine, record)) == ["web"]
    assert restore(engine, record) == ["web: containers are gone"]
    engine.states["web_4"] = "running"
    del engine.states["api_1"]
    engine.states["api_2"] = "exited"
    assert restore(engine, record) == ["api: containers are gone"]
    engine.states["api_2"] = "running"
    assert (list(leftovers(engine, record)), restore(engine, record)) == ([], [])
