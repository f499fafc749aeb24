"""Whole runs on a real Docker engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Run

pytestmark = [pytest.mark.docker, pytest.mark.e2e, pytest.mark.timeout(400)]
Play = Callable[..., Run]


def left_of(run: Run) -> list[str]:
    """Containers, networks and volumes that still carry the run's label."""
    import docker

    client = docker.from_env(timeout=20)
    label = f"gameday.run={run.outcome['run']['id']}"
    try:
        found = [str(c.name) for c in client.containers.list(all=True, filters={"label": label})]
        found += [str(n.name) for n in client.networks.list(filters={"label": label})]
        return found + [str(v.name) for v in client.volumes.list(filters={"label": label})]
    finally:
        client.close()


def test_a_bad_deploy_on_containers(play: Play) -> None:
    """The same scenario and the same verdict; nothing labelled is left after."""
    run = play("bad-deploy-pricing", "--substrate", "docker")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["run"]["substrate"] == "docker"
    assert run.outcome["ended_by"] == "responder"
    assert run.outcome["audit"]["lost"] == 0
    assert left_of(run) == []


def test_a_good_release_on_containers(play: Play) -> None:
    """The control loses no request while containers are replaced."""
    run = play("good-release", "--substrate", "docker")
    assert (run.status, run.outcome["verdict"]) == (0, "pass"), run.outcome["reasons"]
    assert run.outcome["impact"]["failed"] == 0
    assert left_of(run) == []
