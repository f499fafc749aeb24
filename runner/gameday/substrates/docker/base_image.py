"""Base image of the storefront's image: its name, whether it is present, its Python version."""

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
    """Return GAMEDAY_BASE_IMAGE, or the default if that is unset."""
    return os.environ.get("GAMEDAY_BASE_IMAGE") or DEFAULT


def inspect(client: docker.APIClient, image: str) -> dict[str, Any] | None:
    """Return what the engine knows of an image, or None if it isn't present. Raise docker's errors."""
    inspect_image: Callable[[str], dict[str, Any]] = client.inspect_image
    try:
        return inspect_image(image)
    except docker.errors.NotFound:
        return None


def in_registry(client: docker.APIClient, image: str) -> bool:
    """Return True if the engine's registry has the image and answers within the client's time-out."""
    inspect_distribution: Callable[[str], object] = client.inspect_distribution
    try:
        with calling(image):
            inspect_distribution(image)
    except PortError:
        return False
    return True


def ensure_base(client: docker.APIClient, image: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return what the engine knows of the base image, pulled if it must be. Raise PortError that says what to do."""
    with calling(image):
        known = inspect(client, image)
    if known is None:
        progress(f"pulling {image}")
        try:
            with calling(image):
                client.pull(image)
                known = inspect(client, image)
        except PortError as error:
            raise PortError(f"no base image: {error}\n{HINT}") from error
    if known is None:
        raise PortError(f"no base image: {image} was pulled and isn't here\n{HINT}")
    return known


def python_version(client: docker.APIClient, image: str) -> str:
    """Return `3.11`, by running python3 in the image. Raise PortError if it has none."""
    with calling(f"python3 of {image}"):
        container = client.create_container(
            image, ["python3", "-I", "-c", VERSION], network_disabled=True, labels={"gameday.probe": "python"}
        )
        try:
            client.start(container["Id"])
            status = client.wait(container["Id"], timeout=RUN_S)["StatusCode"]
            output: Any = client.logs(container["Id"])
        finally:
            client.remove_container(container["Id"], force=True)
    if status:
        raise PortError(f"python3 of {image} ended with {status}: {output.decode(errors='replace').strip()}")
    return str(output.decode().strip())
