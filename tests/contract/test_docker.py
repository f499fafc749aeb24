"""Container-only behaviour: labels, two kinds of networks, limits, and isolated regions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from gameday.ports import Instance, Isolation, PortError
from gameday.substrates.docker.container_options import PRIVATE
from gameday.substrates.docker.docker_client import connect
from gameday.substrates.docker.docker_substrate import DockerSubstrate
from tests.support.substrate_lab import REGIONS, DockerLab, Runs, link
from tests.support.waiting import until

pytestmark = pytest.mark.docker
FAR = "web.eu-west:8000"


@pytest.fixture(scope="module")
def runs(docker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A link server and a web in each region, and the edge's link server; the tests share them."""
    lab = DockerLab(tmp_path_factory.mktemp("docker"), docker_image)
    shared = Runs(lab, lab.substrate())
    yield shared
    lab.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.APIClient]:
    with closing(connect()) as client:
        yield client


def container(engine: docker.APIClient, runs: Runs, service: str) -> Any:
    """Return what the engine reports of the run's container of a service."""
    labels = [f"gameday.run={runs.lab.run_id}", f"gameday.service={service}"]
    return engine.inspect_container(engine.containers(filters={"label": labels})[0]["Id"])


def test_labels(runs: Runs, engine: docker.APIClient) -> None:
    """A container's labels name its run, region, service and release, and Compose finds it under
    the region's project."""
    instance = runs.start("front")
    labels = container(engine, runs, "front")["Config"]["Labels"]
    run = runs.lab.run_id
    assert {key: value for key, value in labels.items() if key.startswith("gameday.")} == {
        "gameday.run": run,
        "gameday.region": "us-east",
        "gameday.service": "front",
        "gameday.release": "front-1.0.0",
        "gameday.instance": instance.id,
    }
    assert labels["com.docker.compose.project"] == f"gameday-{run}-us-east"
    assert labels["com.docker.compose.service"] == "front"
    assert labels["com.docker.compose.container-number"] == instance.id.rpartition(".")[2]
    assert labels["com.docker.compose.oneoff"] == "False"


def test_declared_limits(runs: Runs, engine: docker.APIClient) -> None:
    """Memory, processors, tmpfs, volumes and stop signal are those of the compose file; ports are
    published on loopback only."""
    for name in ("front", "web", "store"):
        runs.start(name)
    front, web, store = (container(engine, runs, name) for name in ("front", "web", "store"))
    assert (front["HostConfig"]["Memory"], front["HostConfig"]["NanoCpus"]) == (128 * 1024**2, 10**9)
    assert web["HostConfig"]["Tmpfs"] == {"/scratch": "", "/tmp": PRIVATE}
    assert store["Config"]["StopSignal"] == "SIGINT"
    assert store["Mounts"][0]["Name"] == f"gameday-{runs.lab.run_id}-us-east-store-data"
    assert {port["HostIp"] for port in web["NetworkSettings"]["Ports"]["8000/tcp"]} == {"127.0.0.1"}


def test_release_is_a_layer(runs: Runs, engine: docker.APIClient) -> None:
    """An instance runs from its release's tree in its release's image, which carries the run's label."""
    environment = runs.ask(runs.start("web", version="1.1.0"), "/environment")
    assert environment["PYTHONPATH"] == "/srv/releases/web-1.1.0"
    image = engine.images(filters={"label": [f"gameday.run={runs.lab.run_id}", "gameday.release=web-1.1.0"]})[
        0
    ]
    assert image["RepoTags"] == [f"gameday/storefront:{runs.lab.run_id}-web-1.1.0"]


def test_bare_names_stay_in_the_region(runs: Runs) -> None:
    """`web` resolves within its region; on the backbone only the name with the region resolves."""
    links, edge = runs.start("links", "eu-west"), runs.start("edge-links", "edge")
    runs.start("web")
    assert runs.ask(links, "/dial?web:8000") == []
    assert runs.ask(edge, "/dial?web:8000") == []
    assert runs.ask(edge, "/dial?web.us-east:8000") != []


def test_no_name_is_looked_up_outside(runs: Runs, engine: docker.APIClient) -> None:
    """A name that the engine doesn't know fails quickly, whatever name servers the machine has."""
    instance = runs.start("front")
    assert container(engine, runs, "front")["HostConfig"]["Dns"] == ["127.0.0.1"]
    assert runs.ask(instance, "/dial?nowhere.example:8000") == []


def test_isolated_region(runs: Runs) -> None:
    """An isolated region can't be reached from outside and works within; instances started
    meanwhile are isolated too, until it is joined."""
    runs.clear()  # the edge has one link server at a time: its port of entry is fixed
    edge, near = runs.start("edge-links", "edge"), runs.start("links", "eu-west")
    killed, old = runs.start("web", "eu-west"), runs.start("web", "eu-west")
    assert set(runs.ask(edge, f"/dial?{FAR}")) == {killed.id, old.id}
    address = backbone_address(runs, old.id)
    assert isinstance(runs.substrate, Isolation)
    runs.substrate.isolate("eu-west")
    runs.substrate.isolate("eu-west")
    runs.substrate.kill(killed)
    new = runs.start("web", "eu-west")
    assert runs.ask(edge, f"/dial?{FAR}") == []
    assert runs.behind(near, link("eu-west", "eu-west")) == {old.id, new.id}
    assert runs.ask(old, "/healthz")["instance"] == old.id
    runs.substrate.join("eu-west")
    runs.substrate.join("eu-west")
    assert set(runs.ask(edge, f"/dial?{FAR}")) == {old.id, new.id}
    assert backbone_address(runs, old.id) == address


def backbone_address(runs: Runs, instance: str) -> str:
    with closing(connect()) as client:
        container: Any = client.inspect_container(f"gameday-{runs.lab.run_id}-{instance}")
    return str(container["NetworkSettings"]["Networks"][f"gameday-{runs.lab.run_id}-backbone"]["IPAddress"])


def test_only_regions_are_isolated(runs: Runs) -> None:
    """Isolating an unknown region is an error that names the regions."""
    assert isinstance(runs.substrate, Isolation)
    with pytest.raises(PortError, match=", ".join(REGIONS)):
        runs.substrate.isolate("edge")


def test_removed_by_hand(runs: Runs, engine: docker.APIClient) -> None:
    """A container removed by hand is reported as a death."""
    instance = runs.start("front", "eu-west")
    engine.remove_container(f"gameday-{runs.lab.run_id}-{instance.id}", force=True)
    ended: list[Instance] = []

    def reported() -> bool:
        ended.extend(dead for dead, _ in runs.substrate.died() if dead == instance)
        return bool(ended)

    until(reported, "the removed container is reported as dead")
    assert instance not in runs.substrate.instances()


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: Runs) -> None:
    """Without an engine, opening raises a clear error and closing is a no-op."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    substrate = DockerSubstrate("none", runs.lab.topology, tmp_path, lambda: "none")
    with pytest.raises(PortError, match="the Docker engine can't be reached"):
        substrate.open()
    assert list(substrate.close()) == []


def test_no_image(tmp_path: Path, runs: Runs) -> None:
    """A start from a missing image is one clear error, and no container is left."""
    lab = DockerLab(tmp_path, "gameday/none:none")
    own = Runs(lab, lab.substrate())
    with pytest.raises(PortError, match="gameday/none"):
        own.start("web")
    assert list(own.substrate.close()) == []
    assert lab.traces(lab.run_id) == []
