"""Whole runs on a real Docker engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.docker_engine import require_docker
from tests.support.whole_runs import Run, ended_by_responder

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(400)]
Play = Callable[..., Run]
TICK_S = 0.5
EACH_REGION = {"gateway", "catalog", "pricing", "identity", "checkout", "orders", "costs"}


@pytest.fixture(autouse=True)
def _engine() -> None:
    require_docker()


@contextmanager
def client() -> Iterator[Any]:
    import docker

    docker_client = docker.from_env(timeout=20)
    try:
        yield docker_client
    finally:
        docker_client.close()


def left_of(run: Run) -> list[str]:
    """Return the containers, networks and volumes that still have the run's label."""
    label = {"label": f"gameday.run={run.outcome['run']['id']}"}
    with client() as engine:
        texts = [str(c.name) for c in engine.containers.list(all=True, filters=label)]
        texts += [str(n.name) for n in engine.networks.list(filters=label)]
        return texts + [str(v.name) for v in engine.volumes.list(filters=label)]


@contextmanager
def watching() -> Iterator[set[tuple[str, str, str]]]:
    """Collect (run, region, service) from the labels of every container that runs while the block
    lasts."""
    seen: set[tuple[str, str, str]] = set()
    over = threading.Event()

    def look() -> None:
        with client() as engine:
            while not over.wait(TICK_S):
                for container in engine.api.containers(filters={"label": "gameday.run"}):
                    labels = container["Labels"]
                    seen.add((labels["gameday.run"], labels["gameday.region"], labels["gameday.service"]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(60)


def test_a_bad_deploy_on_containers(play: Play) -> None:
    """The verdict is the same as on processes; every container has its labels, and none is left."""
    with watching() as seen:
        run = play("bad-deploy-pricing", "--substrate", "docker")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["run"]["substrate"] == "docker"
    assert ended_by_responder(run.outcome)
    assert run.outcome["audit"]["lost"] == 0
    run_id = run.outcome["run"]["id"]
    for region in ("us-east", "eu-west"):
        assert {service for of, where, service in seen if (of, where) == (run_id, region)} >= EACH_REGION
    assert left_of(run) == []


@pytest.mark.full
def test_a_good_release_on_containers(play: Play) -> None:
    """The control loses no request while containers are replaced."""
    run = play("good-release", "--substrate", "docker")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["impact"]["failed"] == 0
    assert left_of(run) == []


@pytest.mark.full
def test_a_region_that_is_cut_off_on_containers(play: Play) -> None:
    """Its networks are disconnected and the old primary is fenced by the engine; no order is lost
    or duplicated."""
    run = play("region-isolated", "--substrate", "docker")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert "promote" in {operation["name"] for operation in run.outcome["operations"]}
    assert [event.subject for event in run.events("fence.confirmed")] == ["us-east"]
    assert run.outcome["audit"]["lost"] == run.outcome["audit"]["duplicated"] == 0
    assert left_of(run) == []
