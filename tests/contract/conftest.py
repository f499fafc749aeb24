"""The contract suite runs once for every substrate; the docker half is skipped, saying why, where no engine answers.

GAMEDAY_BASE_IMAGE names the image that it runs in, any with python3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.substrates import choose
from runner.substrates.base import base_name
from tests.contract.lab import DockerLab, Lab, ProcessLab, Runs, tiny_image


@pytest.fixture(scope="session")
def docker_image() -> Iterator[str]:
    able, why = choose.available()
    if not able:
        pytest.skip(why)
    have, why = choose.base_image()
    if not have:
        pytest.skip(why)
    with tiny_image(base_name()) as tag:
        yield tag


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    docker = request.param == "docker"
    made = DockerLab(tmp_path, request.getfixturevalue("docker_image")) if docker else ProcessLab(tmp_path)
    yield made
    made.close()


@pytest.fixture
def runs(lab: Lab) -> Runs:
    return Runs(lab, lab.substrate())
