"""Fixtures of the contract suite, which runs once for each substrate: the fake, processes, Docker.

The fake skips tests marked `needs_process` with their reason. Without a Docker engine the docker
part is skipped with a reason; if GAMEDAY_REQUIRE_DOCKER is set, as in CI, it fails instead.
GAMEDAY_BASE_IMAGE names the image that it runs in, any with python3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gameday.substrates.docker.base_image import base_name
from tests.support.docker_engine import require_docker
from tests.support.substrate_lab import DockerLab, FakeLab, Lab, ProcessLab, Runs, tiny_image


@pytest.fixture(scope="session")
def docker_image() -> Iterator[str]:
    require_docker()
    with tiny_image(base_name()) as tag:
        yield tag


@pytest.fixture(scope="module", params=["fake", "process", pytest.param("docker", marks=pytest.mark.docker)])
def make_lab(request: pytest.FixtureRequest) -> Callable[[Path], Lab]:
    """Make a laboratory of the substrate kind under test in a folder."""
    if request.param == "fake":
        return FakeLab
    if request.param == "process":
        return ProcessLab
    image = request.getfixturevalue("docker_image")
    return lambda folder: DockerLab(folder, image)


@pytest.fixture(autouse=True)
def _needs_process(request: pytest.FixtureRequest) -> None:
    """Skip a test on the fake if it is marked `needs_process`."""
    marker = request.node.get_closest_marker("needs_process")
    if marker and request.node.callspec.params.get("make_lab") == "fake":
        pytest.skip(f"the fake has no {marker.args[0]}")


@pytest.fixture
def lab(make_lab: Callable[[Path], Lab], tmp_path: Path) -> Iterator[Lab]:
    """A laboratory for tests that make substrates of their own."""
    laboratory = make_lab(tmp_path)
    yield laboratory
    laboratory.close()


@pytest.fixture(scope="module")
def shared(make_lab: Callable[[Path], Lab], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    lab = make_lab(tmp_path_factory.mktemp("shared"))
    yield Runs(lab, lab.substrate())
    lab.close()


@pytest.fixture
def runs(shared: Runs) -> Iterator[Runs]:
    """One substrate shared by many tests, since networks are slow to make; each test's instances
    are removed after it."""
    yield shared
    shared.clear()
