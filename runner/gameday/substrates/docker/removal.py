"""Removal of everything with a run's label from a Docker engine: containers, then networks, volumes and images.

Nearly all of the time of a removal goes into leaving networks. Containers leave in parallel, but never two of them the
same network at once: Engine 20.10 then miscounts a network's endpoints now and then (7 of 83 systems that were removed
all at once), and only a restart of the engine removes such a network.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import docker
import docker.errors

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import RUN, Unanswered, absent_is_fine, calling, of_run

AT_ONCE = 8
LOOK_AT = 16
LOOK_S = 0.5
LOOKS = 3
"""How often a removal is tried with an engine that answers."""

CREATED = "created"
"""State of a container that isn't started yet, or is being started."""

OnContainer = Callable[[str], None]


def remove(client: docker.APIClient, run_id: str, last: OnContainer = lambda container: None) -> list[str]:
    """Remove everything of the run; return what is left, as texts.

    `last` is called with each container once it has ended, before it is removed. Raise Unanswered, at once, if the
    engine doesn't answer.
    """
    return [*remove_containers(client, run_id, last), *_remove_rest(client, run_id)]


def remove_patiently(client: docker.APIClient, run_id: str, patience: float, last: OnContainer) -> list[str]:
    """Do as `remove`, but retry for `patience` seconds if the engine doesn't answer. Never raise PortError."""
    until, looks = time.monotonic() + patience, 0
    while True:
        try:
            left, looks = remove(client, run_id, last), looks + 1
        except Unanswered as error:
            left = [f"what the run has on the engine ({error}); once it answers: gameday heal {run_id}"]
        if not left or looks == LOOKS or time.monotonic() > until:
            return left
        threading.Event().wait(LOOK_S)


def remove_containers(
    client: docker.APIClient, run_id: str, last: OnContainer = lambda container: None
) -> list[str]:
    """Remove the run's containers; return what is left, as texts. Raise Unanswered."""
    present = containers(client, run_id)
    reasons: dict[str, str] = {}

    def leave(container: str, network: str) -> None:
        with _if_answered(), calling(f"network {network}"):
            client.disconnect_container_from_network(container, network, force=True)

    def end(container: str) -> None:
        try:
            with calling(f"container {container[:12]}"):
                with absent_is_fine():
                    client.kill(container)
                last(container)
                with absent_is_fine():
                    client.remove_container(container, force=True, v=True)
        except Unanswered:
            raise
        except PortError as error:
            reasons[container] = str(error)

    remove_apart(present, leave, end)
    left = containers(client, run_id) if present else ()
    return [reasons.get(container) or f"container {container[:12]}" for container in left]


def containers(client: docker.APIClient, run_id: str) -> dict[str, frozenset[str]]:
    """Return the run's containers, each with its networks; one that was never started is on none.

    Starts in flight are awaited: the engine answers questions about such a container only afterwards. Raise Unanswered.
    """
    with calling("listing containers"):
        listed: Any = client.containers(all=True, filters=of_run(run_id))
    created = [str(container["Id"]) for container in listed if container["State"] == CREATED]
    with ThreadPoolExecutor(LOOK_AT, thread_name_prefix="look") as pool:
        started = pool.map(partial(_is_started, client), created)
        idle = {container for container, runs in zip(created, started, strict=True) if not runs}
    return {
        str(container["Id"]): frozenset() if str(container["Id"]) in idle else _networks(container)
        for container in listed
    }


def _is_started(client: docker.APIClient, container: str) -> bool:
    """Return True if the container was started, or can't be inspected; False if it is gone."""
    try:
        with calling(f"looking at {container[:12]}"), absent_is_fine():
            return str(client.inspect_container(container)["State"]["Status"]) != CREATED
    except Unanswered:
        raise
    except PortError:
        return True
    return False


def _networks(container: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((container.get("NetworkSettings") or {}).get("Networks") or ())


def remove_apart(
    present: Mapping[str, frozenset[str]], leave: Callable[[str, str], None], end: OnContainer
) -> None:
    """Let each container leave its networks one after the other, the last one by its end; at most eight at a time.

    No two containers leave the same network at once. Raise the first error.
    """
    most_first = sorted(present.items(), key=lambda pair: -len(pair[1]))
    on = {container: sorted(networks) for container, networks in most_first}
    busy: dict[Future[None], tuple[str, str]] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remove") as pool:
        while on or busy:
            taken = {name for pair in busy.values() for name in pair}
            for container, networks in list(on.items()):
                free = next((network for network in networks or [""] if network not in taken), None)
                if free is None or container in taken:
                    continue
                if len(networks) > 1:
                    networks.remove(free)
                    busy[pool.submit(leave, container, free)] = container, free
                else:
                    del on[container]
                    busy[pool.submit(end, container)] = container, free
                taken |= {container, free} - {""}
            for done in wait(busy, return_when=FIRST_COMPLETED).done:
                del busy[done]
                done.result()


@contextlib.contextmanager
def _if_answered() -> Iterator[None]:
    """Ignore PortErrors: a network that can't be left now is left with the container's end."""
    try:
        yield
    except Unanswered:
        raise
    except PortError:
        pass


def remove_volumes(client: docker.APIClient, run_id: str, region: str) -> None:
    """Remove the volumes of a region of the run. Raise PortError if a container still uses one."""
    wanted = {"label": [f"{RUN}={run_id}", f"gameday.region={region}"]}
    with calling(f"volumes of {region}"):
        for volume in client.volumes(filters=wanted)["Volumes"] or ():
            with contextlib.suppress(docker.errors.NotFound):
                client.remove_volume(volume["Name"])


def _remove_rest(client: docker.APIClient, run_id: str) -> list[str]:
    wanted = of_run(run_id)

    def networks() -> list[str]:
        return [str(network["Id"]) for network in client.networks(filters=wanted)]

    def volumes() -> list[str]:
        return [str(volume["Name"]) for volume in client.volumes(filters=wanted)["Volumes"] or ()]

    def images() -> list[str]:
        return [str(image["Id"]) for image in client.images(filters=wanted)]

    kinds: list[tuple[str, Callable[[], list[str]], Callable[[str], Any]]] = [
        ("network", networks, client.remove_network),
        ("volume", volumes, lambda name: client.remove_volume(name, force=True)),
        ("image", images, lambda name: client.remove_image(name, force=True)),
    ]
    with ThreadPoolExecutor(len(kinds), thread_name_prefix="kinds") as pool:
        return [line for left in pool.map(lambda kind: _remove(*kind), kinds) for line in left]


def _remove(
    kind: str, listed: Callable[[], Iterable[str]], remove_one: Callable[[str], Any]
) -> Sequence[str]:
    def attempt(name: str) -> str | None:
        try:
            with calling(f"{kind} {name[:12]}"), absent_is_fine():
                remove_one(name)
        except Unanswered:
            raise
        except PortError as error:
            return str(error)
        return None

    with calling(f"listing every {kind}"):
        present = list(listed())
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remove") as pool:
        reasons = dict(zip(present, pool.map(attempt, present), strict=True))
    with calling(f"listing every {kind}"):
        left = list(listed()) if present else []
    return [reasons.get(name) or f"{kind} {name[:12]}" for name in left]
