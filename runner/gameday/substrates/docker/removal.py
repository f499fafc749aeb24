"""Takes what carries a run's label off a Docker engine: containers, then networks, volumes and images.

Nearly all of the time of a removal is the leaving of networks. Containers leave side by side, but never two the same
one: Engine 20.10 counts a network's endpoints wrong now and then when two leave it at once (7 of 83 systems that were
removed all at once), believes for ever that somebody is there, and only its restart removes that network.
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
"""How often what doesn't go is tried again, by an engine that answers."""

CREATED = "created"
"""The state of a container that nobody started yet, or that is being started."""

Word = Callable[[str], None]


def remove(client: docker.APIClient, run_id: str, last: Word = lambda container: None) -> list[str]:
    """What is left of the run, as text. `last` is told of each container once it has ended, before it is removed.

    Raises Unanswered, at once, where the engine doesn't answer.
    """
    return [*remove_containers(client, run_id, last), *_remove_rest(client, run_id)]


def remove_patiently(client: docker.APIClient, run_id: str, patience: float, last: Word) -> list[str]:
    """As `remove`, tried again while the engine doesn't answer, for `patience` seconds. Never raises PortError."""
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
    client: docker.APIClient, run_id: str, last: Word = lambda container: None
) -> list[str]:
    """Those that are left, as text. Raises Unanswered."""
    found = containers(client, run_id)
    reasons: dict[str, str] = {}

    def leave(container: str, network: str) -> None:
        with _if_it_answers(), calling(f"network {network}"):
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

    apart(found, leave, end)
    left = containers(client, run_id) if found else ()
    return [reasons.get(each) or f"container {each[:12]}" for each in left]


def containers(client: docker.APIClient, run_id: str) -> dict[str, frozenset[str]]:
    """The run's, with the networks that each is on: one that was never started joined none.

    Starts under way are waited for, since to look at such a container the engine waits. Raises Unanswered.
    """
    with calling("listing containers"):
        found: Any = client.containers(all=True, filters=of_run(run_id))
    waiting = [str(each["Id"]) for each in found if each["State"] == CREATED]
    with ThreadPoolExecutor(LOOK_AT, thread_name_prefix="look") as pool:
        idle = {
            each
            for each, none in zip(waiting, pool.map(partial(_idle, client), waiting), strict=True)
            if none
        }
    return {str(each["Id"]): frozenset() if str(each["Id"]) in idle else _networks(each) for each in found}


def _idle(client: docker.APIClient, container: str) -> bool:
    """Whether nobody has started it."""
    try:
        with calling(f"looking at {container[:12]}"), absent_is_fine():
            return str(client.inspect_container(container)["State"]["Status"]) == CREATED
    except Unanswered:
        raise
    except PortError:
        return False
    return True


def _networks(container: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((container.get("NetworkSettings") or {}).get("Networks") or ())


def apart(found: Mapping[str, frozenset[str]], leave: Callable[[str, str], None], end: Word) -> None:
    """Each container leaves one network after the other, the last one by its end; at most eight at a time.

    No two leave a network at once. Raises the first error.
    """
    on = {each: sorted(networks) for each, networks in sorted(found.items(), key=lambda pair: -len(pair[1]))}
    busy: dict[Future[None], tuple[str, str]] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remove") as pool:
        while on or busy:
            taken = {word for pair in busy.values() for word in pair}
            for each, networks in list(on.items()):
                free = next((network for network in networks or [""] if network not in taken), None)
                if free is None or each in taken:
                    continue
                if len(networks) > 1:
                    networks.remove(free)
                    busy[pool.submit(leave, each, free)] = each, free
                else:
                    del on[each]
                    busy[pool.submit(end, each)] = each, free
                taken |= {each, free} - {""}
            for done in wait(busy, return_when=FIRST_COMPLETED).done:
                del busy[done]
                done.result()


@contextlib.contextmanager
def _if_it_answers() -> Iterator[None]:
    """What couldn't be left is left with the container's end."""
    try:
        yield
    except Unanswered:
        raise
    except PortError:
        pass


def remove_volumes(client: docker.APIClient, run_id: str, region: str) -> None:
    """The volumes of a region of the run. Raises PortError where a container still has one."""
    wanted = {"label": [f"{RUN}={run_id}", f"gameday.region={region}"]}
    with calling(f"volumes of {region}"):
        for found in client.volumes(filters=wanted)["Volumes"] or ():
            with contextlib.suppress(docker.errors.NotFound):
                client.remove_volume(found["Name"])


def _remove_rest(client: docker.APIClient, run_id: str) -> list[str]:
    wanted = of_run(run_id)

    def networks() -> list[str]:
        return [str(found["Id"]) for found in client.networks(filters=wanted)]

    def volumes() -> list[str]:
        return [str(found["Name"]) for found in client.volumes(filters=wanted)["Volumes"] or ()]

    def images() -> list[str]:
        return [str(found["Id"]) for found in client.images(filters=wanted)]

    kinds: list[tuple[str, Callable[[], list[str]], Callable[[str], Any]]] = [
        ("network", networks, client.remove_network),
        ("volume", volumes, lambda found: client.remove_volume(found, force=True)),
        ("image", images, lambda found: client.remove_image(found, force=True)),
    ]
    with ThreadPoolExecutor(len(kinds), thread_name_prefix="kinds") as pool:
        return [line for left in pool.map(lambda kind: _remove(*kind), kinds) for line in left]


def _remove(
    kind: str, listed: Callable[[], Iterable[str]], remove_one: Callable[[str], Any]
) -> Sequence[str]:
    def one(found: str) -> str | None:
        try:
            with calling(f"{kind} {found[:12]}"), absent_is_fine():
                remove_one(found)
        except Unanswered:
            raise
        except PortError as error:
            return str(error)
        return None

    with calling(f"listing every {kind}"):
        found = list(listed())
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="remove") as pool:
        reasons = dict(zip(found, pool.map(one, found), strict=True))
    with calling(f"listing every {kind}"):
        left = list(listed()) if found else []
    return [reasons.get(each) or f"{kind} {each[:12]}" for each in left]
