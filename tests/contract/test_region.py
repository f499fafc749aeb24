"""Operations on a whole region, on every substrate: killing all its instances together, destroying
its data."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from gameday.ports import PortError
from tests.support.substrate_lab import Lab, Runs
from tests.support.waiting import until

SERVICES = ("front", "web", "web", "store", "links") * 3


@pytest.mark.needs_process("environment")
def test_variables(lab: Lab) -> None:
    """The run's values fill the compose files' variables, but never override the instance's own."""
    runs = Runs(
        lab, lab.substrate(variables={"COLOUR": "red", "REGION": "nowhere", "INSTANCE": "x", "PORT": "1"})
    )
    environment = runs.ask(runs.start("front"), "/environment")
    assert {key: environment[key] for key in ("COLOUR", "REGION", "INSTANCE")} == {
        "COLOUR": "red",
        "REGION": "us-east",
        "INSTANCE": "us-east.front.1",
    }


def test_everything_is_killed_at_once(runs: Runs) -> None:
    """Fifteen concurrent kills, some of paused instances, end every instance with its children;
    none is reported as a death."""
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        lost = list(pool.map(runs.start, SERVICES))
        stays = runs.start("web", "eu-west")
        for instance in lost:
            runs.ask(instance, "/fork")
        runs.substrate.pause(lost[0])
        runs.substrate.limit(lost[1], cpus=0.1)
        list(pool.map(runs.substrate.kill, lost * 2))
    assert list(runs.substrate.instances()) == [stays]
    assert list(runs.substrate.died()) == []
    until(lambda: len(runs.lab.running(runs.lab.run_id)) <= 1, "one instance is left")


@pytest.mark.needs_process("data")
def test_destroyed_volumes(runs: Runs) -> None:
    """Destroying volumes removes the region's data, also a killed instance's, and keeps another
    region's."""
    lost, kept = runs.start("store"), runs.start("store", "eu-west")
    for store in (lost, kept):
        runs.ask(store, "/write?remember")
    with pytest.raises(PortError, match="in use"):
        runs.substrate.destroy_volumes("us-east")
    assert runs.ask(lost, "/read") == "remember"
    runs.substrate.kill(lost)
    runs.substrate.destroy_volumes("us-east")
    runs.substrate.destroy_volumes("us-east")
    with pytest.raises(http.client.HTTPException, match="closed connection without response"):
        runs.ask(runs.start("store"), "/read")
    assert runs.ask(kept, "/read") == "remember"
    runs.substrate.kill(kept)
    assert runs.ask(runs.start("store", "eu-west"), "/read") == "remember"


def test_volumes_in_use(runs: Runs) -> None:
    """A region's volumes are destroyed only if no instance uses one; other instances don't matter."""
    store, _, _ = runs.start("store"), runs.start("web"), runs.start("store", "eu-west")
    with pytest.raises(PortError, match="in use"):
        runs.substrate.destroy_volumes("us-east")
    assert store in runs.substrate.instances()
    runs.substrate.kill(store)
    runs.substrate.destroy_volumes("us-east")
    runs.substrate.destroy_volumes("us-east")


def test_the_edges_data_is_no_regions(runs: Runs) -> None:
    """Only regions have volumes that can be destroyed; the error names them."""
    with pytest.raises(PortError, match="us-east, eu-west"):
        runs.substrate.destroy_volumes("edge")
