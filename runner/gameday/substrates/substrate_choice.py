"""Which substrate can run on this machine, and why: the words go to the screen, to `doctor` and into the report."""

from __future__ import annotations

from typing import Literal

from gameday.ports import PortError
from gameday.substrates.docker.base_image import HINT, base_name, in_registry, inspect
from gameday.substrates.docker.docker_client import calling, connect

ASK_S = 3.0
Name = Literal["docker", "process"]


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
    """Whether the base image is here or in a registry that the engine reaches within 3 s, and the words for it."""
    base = base_name()
    try:
        client = connect(ASK_S)
    except PortError as error:
        return False, str(error)
    try:
        with calling(base):
            if inspect(client, base):
                return True, f"base image {base} is here"
        if in_registry(client, base):
            return True, f"base image {base} can be pulled"
    except PortError as error:
        return False, str(error)
    finally:
        client.close()
    return False, f"base image {base} is not here and no registry answers for it: {HINT}"


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
