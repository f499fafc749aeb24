"""The compose files: valid for docker-compose, inside the subset, each peer's address a variable named by its link."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.storefront_services import COMPOSE, SERVICES

KEYS = {
    "image", "command", "environment", "user", "networks", "volumes", "depends_on", "stop_signal", "cpus",
    "mem_limit", "x-gameday",
}  # fmt: skip
FILES = ("region.yaml", "edge.yaml")


def services(name: str) -> dict[str, dict[str, Any]]:
    """The services of a compose file."""
    read: dict[str, dict[str, Any]] = yaml.safe_load((COMPOSE / name).read_text(encoding="utf-8"))["services"]
    return read


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="there is no docker-compose here")
@pytest.mark.parametrize("name", FILES)
def test_docker_compose_accepts_the_file(name: str) -> None:
    """`docker-compose config -q` finds nothing wrong."""
    command = ["docker-compose", "-f", str(COMPOSE / name), "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_only_keys_that_both_substrates_carry_out_are_used(name: str) -> None:
    """No service has a key outside the subset; the same at the top."""
    top = yaml.safe_load((COMPOSE / name).read_text(encoding="utf-8"))
    assert set(top) <= {"services", "networks", "volumes", "x-gameday"}
    for service in services(name).values():
        assert set(service) <= KEYS


@pytest.mark.parametrize("name", FILES)
def test_a_peers_variable_names_its_link_and_its_host(name: str) -> None:
    """LINK_<CALLER>_<CALLEE> stands in the caller, and its default leads to the callee."""
    found = 0
    for caller, service in services(name).items():
        for value in service["environment"].values():
            for link in re.finditer(r"\$\{LINK_([A-Z]+)_([A-Z]+):-([^}]*)\}", value):
                assert link[1].lower() == caller
                assert re.search(rf"[@/]{link[2].lower()}[.:]", link[3])
                found += 1
    assert found == {"region.yaml": 15, "edge.yaml": 2}[name]


def test_every_service_starts_from_its_first_release() -> None:
    """Each service of the storefront is declared, and its first release exists."""
    declared = {**services("region.yaml"), **services("edge.yaml")}
    assert set(declared) == {*SERVICES, "edge", "postgres", "backup", "links", "edge-links"}
    for name, service in declared.items():
        release = service["x-gameday"]["release"]
        assert release == (None if name.endswith("links") else f"{name}-1.0.0")
        assert release is None or (COMPOSE / "releases" / release / "release.yaml").is_file()


def test_only_the_doors_of_a_region_join_the_backbone() -> None:
    """Gateway, database and link server, each under an alias that names its region."""
    joined = {name: service["networks"].get("backbone") for name, service in services("region.yaml").items()}
    doors = {name: network["aliases"] for name, network in joined.items() if network}
    assert doors == {name: [f"{name}.${{REGION:-us-east}}"] for name in ("gateway", "postgres", "links")}
