"""The Docker Engine API: one client for all threads, every call with a time-out, every failure a PortError; the labels.

What carries a run's label is the run's; nothing else is ever touched.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import docker.errors
import docker.utils
import requests

from runner.ports import PortError

TIMEOUT_S = 30.0
CALLS_AT_ONCE = 32
DEFAULT_HOST = "unix:///var/run/docker.sock"
RUN = "gameday.run"


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Whatever goes wrong inside is a PortError that begins with `what`."""
    try:
        yield
    except docker.errors.APIError as error:
        raise PortError(f"{what}: the Docker engine says: {error.explanation or error}") from error
    except requests.Timeout as error:
        raise PortError(f"{what}: the Docker engine didn't answer in time") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise PortError(f"{what}: the Docker engine can't be reached: {error}") from error


@contextlib.contextmanager
def absent_is_fine() -> Iterator[None]:
    """For what is to be gone afterwards, and for containers that ended meanwhile."""
    try:
        yield
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        if error.status_code not in (304, 409):
            raise


def connect(timeout: float = TIMEOUT_S) -> docker.APIClient:
    """The engine of DOCKER_HOST, or the local one. Raises PortError where none answers within `timeout` seconds."""
    with calling("docker"):
        settings: Any = docker.utils.kwargs_from_env()
        _knock(settings.get("base_url", DEFAULT_HOST), timeout)
        settings |= {"version": "auto", "timeout": timeout, "max_pool_size": CALLS_AT_ONCE}
        return docker.APIClient(**settings)


def _knock(url: str, timeout: float) -> None:
    """The client leaks its socket where nobody listens on a local one; raises PortError there."""
    path = url.removeprefix("http+").removeprefix("unix://")
    if path == url:
        return
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(timeout)
        try:
            knock.connect(path)
        except OSError as error:
            raise PortError(f"the Docker engine can't be reached at {path}: {error.strerror or error}") from None


def of_run(run_id: str) -> dict[str, str]:
    """The filter for everything of a run."""
    return {"label": f"{RUN}={run_id}"}


def remove_all(client: docker.APIClient, run_id: str) -> list[str]:
    """Containers, then networks, volumes and images of the run; what is left, as text.

    Containers go one at a time. Removed in parallel, Engine 20.10 now and then (7 of 83 systems, one at a time 0 of 50)
    believes for ever that a network has endpoints, and then nothing removes that network but the engine's restart.
    """
    wanted = of_run(run_id)

    def containers() -> list[str]:
        return [str(found["Id"]) for found in client.containers(all=True, filters=wanted)]

    def networks() -> list[str]:
        return [str(found["Id"]) for found in client.networks(filters=wanted)]

    def volumes() -> list[str]:
        return [str(found["Name"]) for found in client.volumes(filters=wanted)["Volumes"] or ()]

    def images() -> list[str]:
        return [str(found["Id"]) for found in client.images(filters=wanted)]

    kinds: list[tuple[str, Callable[[], list[str]], Callable[[str], Any]]] = [
        ("container", containers, lambda found: client.remove_container(found, force=True, v=True)),
        ("network", networks, client.remove_network),
        ("volume", volumes, lambda found: client.remove_volume(found, force=True)),
        ("image", images, lambda found: client.remove_image(found, force=True)),
    ]
    return [line for kind in kinds for line in _remove(*kind)]


def remove_volumes(client: docker.APIClient, run_id: str, region: str) -> None:
    """The volumes of a region of the run. Raises PortError where a container still has one."""
    wanted = {"label": [f"{RUN}={run_id}", f"gameday.region={region}"]}
    with calling(f"volumes of {region}"):
        for found in client.volumes(filters=wanted)["Volumes"] or ():
            with contextlib.suppress(docker.errors.NotFound):
                client.remove_volume(found["Name"])


def _remove(kind: str, listed: Callable[[], list[str]], remove: Callable[[str], Any]) -> list[str]:
    def one(found: str) -> str | None:
        try:
            with calling(f"{kind} {found[:12]}"), absent_is_fine():
                remove(found)
        except PortError as error:
            return str(error)
        return None

    try:
        with calling(f"listing every {kind}"):
            found = listed()
            at_once = 1 if kind == "container" else CALLS_AT_ONCE // 2
            with ThreadPoolExecutor(at_once, thread_name_prefix="remove") as pool:
                reasons = dict(zip(found, pool.map(one, found), strict=True))
            left = listed() if found else []
    except PortError as error:
        return [str(error)]
    return [reasons.get(each) or f"{kind} {each[:12]}" for each in left]
