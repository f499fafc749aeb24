"""Launch specification of an instance of the process substrate."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gameday.host.child_python import HOME
from gameday.ports import Instance, Release
from gameday.substrates.process.launch_spec import LaunchPlanner
from gameday.topology import Service
from tests.support.substrate_lab import release, topology


@pytest.fixture
def planner(tmp_path: Path) -> LaunchPlanner:
    return LaunchPlanner(
        tmp_path, {"COLOUR": "red", "PORT": "1", "DATA_DIR": "/"}, tmp_path / "names", lambda: tmp_path, None
    )


def instance(service: Service) -> Instance:
    return Instance(f"{service.id}.1", service.region, service.name, f"{service.name}-1.0.0")


def test_precedence_of_variables(planner: LaunchPlanner) -> None:
    """The instance's own variables override the run's, and the links' override both."""
    front = topology().service("us-east", "front")
    plan = planner.plan(
        instance(front), front, release(front), {"LINK_FRONT_WEB": "http://x:1", "REGION": "moon"}, 4711
    )
    assert plan.command[:4] == [sys.executable, "-P", "-m", "tiny"]
    assert plan.command[-1] == "4711"
    named = {key: plan.environment[key] for key in ("COLOUR", "WEB_URL", "REGION")}
    assert named == {"COLOUR": "red", "WEB_URL": "http://x:1", "REGION": "moon"}


def test_volumes(planner: LaunchPlanner, tmp_path: Path) -> None:
    """A service with a volume keeps its data in its region's, others in a folder of their own. Only
    volumes can be destroyed."""
    store, web = (topology().service("us-east", name) for name in ("store", "web"))
    far = replace(store, region="us-east-2")
    for service in (store, far, web):
        planner.plan(instance(service), service, release(service), {}, 4711)
    kept = tmp_path / "volumes" / "us-east-2-store-data"
    assert planner.volumes(store) == [tmp_path / "volumes" / "us-east-store-data"]
    assert planner.volumes(web) == []
    assert planner.data(instance(web), web) == tmp_path / "us-east.web.1"
    planner.destroy([store, web])
    assert list((tmp_path / "volumes").iterdir()) == [kept]
    assert (tmp_path / "us-east.web.1").is_dir()


def test_no_tree_is_the_runners_own(planner: LaunchPlanner) -> None:
    """An instance without a release tree imports the runner's package; a link server gets the names
    table's path."""
    links = topology().service("us-east", "links")
    plan = planner.plan(instance(links), links, Release("links", "links", None), {}, 4711)
    assert plan.environment["PYTHONPATH"] == str(HOME)
    assert plan.command[-2:] == ["--names", str(planner.names)]
