"""Which substrate can run on this machine, and why: the words are shown on the screen, by `doctor` and in the report."""

from __future__ import annotations

import os
from typing import Literal

import docker
import docker.errors

from runner.ports import PortError
from runner.substrates.engine import calling, connect

ASK_S = 3.0
DEFAULT_BASE = "python:3.12-slim-bookworm"
HINT = "pull it, or set GAMEDAY_BASE_IMAGE to an image you have; scripts/docker-base makes one without a registry"

Name = Literal["docker", "process"]


def base_name() -> str:
    """The image that the storefront's is built on: GAMEDAY_BASE_IMAGE, else the default."""
    return os.environ.get("GAMEDAY_BASE_IMAGE") or DEFAULT_BASE


def available() -> tuple[bool, str]:
    """Whether a Docker engine answers within 3 s, and the words for it."""
    try:
        client = connect(ASK_S)
    except PortError as error:
        return False, f"no Docker engine answers: {error}"
    try:
        with calling("docker"):
            version = client.version()
    except PortError as error:
        return False, f"no Docker engine answers: {error}"
    finally:
        client.close()
    return True, f"Docker engine {version['Version']} answers (API {version['ApiVersion']})"


def base_image() -> tuple[bool, str]:
    """Whether the base image is there or can be pulled; asks the engine, which asks its registry, 3 s at most each."""
    base = base_name()
    try:
        client = connect(ASK_S)
    except PortError as error:
        return False, str(error)
    try:
        with calling(base):
            return _base_image(client, base)
    except PortError:
        return False, f"base image {base} is not here and no registry answers for it: {HINT}"
    finally:
        client.close()


def _base_image(client: docker.APIClient, base: str) -> tuple[bool, str]:
    try:
        client.inspect_image(base)
    except docker.errors.ImageNotFound:
        client.inspect_distribution(base)
        return True, f"base image {base} can be pulled"
    return True, f"base image {base} is here"


def choose(wanted: Literal["auto", "docker", "process"]) -> tuple[Name, str]:
    """The substrate and why. Raises PortError where docker is wanted and can't be had; `auto` takes process then."""
    if wanted == "process":
        return "process", "asked for"
    for able, why in (available(), base_image()):
        if not able:
            if wanted == "docker":
                raise PortError(why)
            return "process", why
    return "docker", "asked for" if wanted == "docker" else available()[1]
