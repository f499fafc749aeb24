"""The image that the storefront's is built on: which one, whether it is here, and what runs in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import docker
import docker.errors

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import calling

DEFAULT = "python:3.12-slim-bookworm"
HINT = "pull it, or set GAMEDAY_BASE_IMAGE to an image you have; scripts/docker-base makes one without a registry"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
RUN_S = 60


def base_name() -> str:
    """GAMEDAY_BASE_IMAGE, else the default."""
    return os.environ.get("GAMEDAY_BASE_IMAGE") or DEFAULT


def inspect(client: docker.APIClient, image: str) -> dict[str, Any] | None:
    """What the engine knows of it, None where it isn't here."""
    look: Callable[[str], dict[str, Any]] = client.inspect_image
    try:
        return look(image)
    except docker.errors.NotFound:
        return None


def in_registry(client: docker.APIClient, image: str) -> bool:
    """Whether the engine's registry answers that it has it, within the client's time-out."""
    ask: Callable[[str], object] = client.inspect_distribution
    try:
        with calling(image):
            ask(image)
    except PortError:
        return False
    return True


def ensure_base(client: docker.APIClient, image: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """What the engine knows of the base, pulled where it isn't here. Raises PortError that says what to do."""
    with calling(image):
        found = inspect(client, image)
    if found is None:
        progress(f"pulling {image}")
        try:
            with calling(image):
                client.pull(image)
                found = inspect(client, image)
        except PortError as error:
            raise PortError(f"no base image: {error}\n{HINT}") from error
    if found is None:
        raise PortError(f"no base image: {image} was pulled and isn't here\n{HINT}")
    return found


def python_version(client: docker.APIClient, image: str) -> str:
    """`3.11`, found by running it. Raises PortError where it has no python3."""
    with calling(f"python3 of {image}"):
        made = client.create_container(
            image, ["python3", "-I", "-c", VERSION], network_disabled=True, labels={"gameday.probe": "python"}
        )
        try:
            client.start(made["Id"])
            status = client.wait(made["Id"], timeout=RUN_S)["StatusCode"]
            said: Any = client.logs(made["Id"])
        finally:
            client.remove_container(made["Id"], force=True)
    if status:
        raise PortError(f"python3 of {image} ended with {status}: {said.decode(errors='replace').strip()}")
    return str(said.decode().strip())
