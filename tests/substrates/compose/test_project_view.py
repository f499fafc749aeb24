"""A Compose project seen through the engine's answers, which are given here."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.scenario import System
from gameday.scenario.own.own_system import EntryPoint
from gameday.substrates.compose import compose_program
from gameday.substrates.compose.container_record import SERVICE
from gameday.substrates.compose.project_files import ProjectFiles
from gameday.substrates.compose.project_view import ProjectView, is_near, project_of
from gameday.topology import Topology


class Answers:
    """An engine with these volumes, networks and running containers: service → its ports as the engine says them."""

    def __init__(self, *, volumes: Any = (), networks: Any = (), ports: Any = ()) -> None:
        self._volumes, self._networks, self._ports = volumes, networks, list(ports)
        self._labels: dict[str, str] = {}

    def containers(self, **_: Any) -> Any:
        return [
            {"Id": str(number), "State": "running", "Labels": {SERVICE: service, **self._labels}}
            for number, (service, _) in enumerate(self._ports)
        ]

    def inspect_container(self, container: str) -> Any:
        ports = self._ports[int(container)][1]
        return {"NetworkSettings": {"Ports": ports, "Networks": {"shop": {"IPAddress": "172.20.0.9"}}}}

    def labelled(self, **labels: str) -> Answers:
        """Return this engine; its containers have these further labels, with `__` for a dot."""
        self._labels = {name.replace("__", "."): value for name, value in labels.items()}
        return self

    def volumes(self) -> Any:
        return {"Volumes": [{"Name": name} for name in self._volumes] or None}

    def networks(self) -> Any:
        return [{"Name": name} for name in self._networks]


def view(client: Any) -> ProjectView:
    """Return the view of the project `shop`."""
    return ProjectView(client, "shop", Topology(("local",), (), ()))


PROJECT = {
    "networks": {"default": {"name": "shop_default"}, "edge": {"name": "edge", "external": True}},
    "volumes": {"data": {"name": "shop-data"}, "plain": None, "kept": {"name": "kept", "external": True}},
}


@pytest.mark.parametrize(
    "existing",
    [{"volumes": ["shop-data"]}, {"volumes": ["plain"]}, {"networks": ["bridge", "shop_default"]}],
)
def test_a_volume_or_network_that_exists_is_refused(existing: dict[str, Any]) -> None:
    """The error names what would be taken over, by its name on the engine."""
    with pytest.raises(PortError, match=r"shop-data|plain|shop_default"):
        view(Answers(**existing)).refuse_existing(PROJECT)


def test_external_volumes_and_networks_may_exist() -> None:
    """Compose neither creates nor removes them."""
    view(Answers(volumes=["kept", "data"], networks=["edge", "default"])).refuse_existing(PROJECT)


def at(host: str, port: int) -> dict[str, Any]:
    """Return the ports of a container that publishes its port 80, and one of UDP."""
    udp = [{"HostIp": host, "HostPort": "53"}]
    return {"53/udp": udp, "80/tcp": [{"HostIp": host, "HostPort": str(port)}], "81/tcp": None}


@pytest.fixture
def _near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")


@pytest.mark.usefixtures("_near")
@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("127.0.0.5", "127.0.0.5"),
        ("::1", "::1"),
    ],
)
def test_clients_enter_at_the_address_that_is_published(host: str, address: str) -> None:
    """The address is the port's own, unless the port is published on all addresses."""
    shop = view(Answers(ports=[("db", {}), ("web", at(host, 8080))]))
    assert shop.entrance(None) == (address, 8080)
    assert shop.entrance(EntryPoint(service="web", port=80)) == (address, 8080)
    assert shop.entrance(EntryPoint(service="web", port=81)) == ("172.20.0.9", 81)


@pytest.mark.usefixtures("_near")
def test_without_an_entry_there_must_be_one_port() -> None:
    """Several published ports are an error that lists them; the containers of one service count once."""
    web = [("web", at("", 8080)), ("web", at("", 8081))]
    assert view(Answers(ports=web)).entrance(None) == ("127.0.0.1", 8080)
    with pytest.raises(PortError, match=r"\{service: admin, port: 80\}, \{service: web, port: 80\}"):
        view(Answers(ports=[*web, ("admin", at("", 9090))])).entrance(None)
    with pytest.raises(PortError, match="no running service publishes a port"):
        view(Answers(ports=[("db", {})])).entrance(None)


def test_an_entry_that_is_a_url_needs_no_published_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host and port are the entrance, with an engine elsewhere too; without a URL such an engine is an error."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.168.7.7:2375")
    shop = view(Answers(ports=[("web", at("", 8080))]))
    assert shop.entrance("http://127.0.0.1:9000") == ("127.0.0.1", 9000)
    assert [shop.entrance(f"{scheme}://shop.internal")[1] for scheme in ("http", "https")] == [80, 443]
    with pytest.raises(PortError, match="another machine"):
        shop.entrance(None)


def test_ports_of_an_engine_on_this_machine_are_near() -> None:
    """Local sockets and loopback addresses are this machine's."""
    near = ("unix:///a.sock", "tcp://localhost:2375", "tcp://127.0.0.1:1", "tcp://[::1]:1")
    assert [is_near(engine) for engine in near] == [True] * 4
    assert [is_near(engine) for engine in ("tcp://10.0.0.1:2375", "ssh://root@host")] == [False] * 2


def test_an_attached_project_says_how_it_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deploys and their undo use its folder, its environment files and its number of containers."""
    monkeypatch.setattr(compose_program, "compose_program", lambda: ("compose",))
    at = {
        "com__docker__compose__project__working_dir": "/srv",
        "com__docker__compose__project__config_files": "/srv/deploy/a.yaml,/srv/b.yaml",
        "com__docker__compose__project__environment_file": "/srv/.env,prod.env",
    }
    engine = Answers(ports=[("web", {}), ("web", {}), ("db", {})]).labelled(**at)
    place = project_of(System.model_validate({"attach": {"project": "shop"}}), "r1", engine)
    files = ProjectFiles(*place, tmp_path, threading.Event())
    assert " ".join(files.up_unchanged("web")) == (
        "compose --project-directory /srv --env-file /srv/.env --env-file /srv/prod.env"
        " --file /srv/deploy/a.yaml --file /srv/b.yaml"
        " --project-name shop up --detach --no-deps --scale web=2 web"
    )
