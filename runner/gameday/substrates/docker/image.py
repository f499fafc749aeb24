"""The one image for all containers, built if it is missing: `gameday/storefront:<hash of everything in it>`.

The tag names the content, so an unchanged context is never built twice and runs share the image. It stays on the
engine, as do the layers of its build, which make the next build quick (`docker image prune --all --filter
label=gameday.image` and `docker image prune` remove them). The build needs neither BuildKit nor a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import docker

import gameday
from gameday.ports import PortError
from gameday.substrates.docker.base_image import MACHINES, base_name, ensure_base, inspect, python_version
from gameday.substrates.docker.docker_client import calling, connect
from gameday.substrates.docker.release_layers import build, pack
from gameday.substrates.docker.wheels import wheels

BUILD_S = 600.0
LINK_SERVER = "gameday/links/server"


def ensure_image(compose: Path, progress: Callable[[str], None]) -> str:
    """Return the tag of the image, built from the folder `compose`; `progress` gets lines. Raise PortError."""
    client = connect(BUILD_S)
    try:
        base = base_name()
        known = ensure_base(client, base, progress)
        machine = MACHINES.get(known["Architecture"])
        if machine is None:
            raise PortError(f"{base} is for {known['Architecture']}; known are {', '.join(MACHINES)}")
        packages = wheels(
            compose / "requirements.txt", known["Id"], machine, lambda: python_version(client, base), progress
        )
        files = context(compose, packages)
        tag = f"gameday/storefront:{digest(files, known['Id'])}"
        with calling(tag):
            missing = inspect(client, tag) is None
        if missing:
            progress(f"building {tag} on {base}")
            _build(client, files, tag, base, progress)
        return tag
    finally:
        client.close()


def context(compose: Path, packages: Path) -> dict[str, bytes | Path]:
    """Return the build context: path in it → content, file or folder."""
    return {
        "Dockerfile": compose / "Dockerfile",
        "requirements.txt": compose / "requirements.txt",
        "storefront": compose / "storefront",
        LINK_SERVER: Path(gameday.__file__).parent / "links" / "server",
        "wheels": packages,
    }


def digest(files: Mapping[str, bytes | Path], base_id: str) -> str:
    """Return 16 hexadecimal digits that name the content of context and base."""
    return hashlib.sha256(base_id.encode() + pack(files).getbuffer()).hexdigest()[:16]


def _build(
    client: docker.APIClient,
    files: Mapping[str, bytes | Path],
    tag: str,
    base: str,
    progress: Callable[[str], None],
) -> None:
    for line in build(
        client, pack(files), tag, buildargs={"BASE": base}, labels={"gameday.image": "storefront"}
    ):
        if line.startswith("Step"):
            progress(line)
