"""The kind of substrate `docker`: whether an engine and the base image can be had, making it, removing leftovers."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from gameday.ports import PortError, Substrate
from gameday.substrates.docker import docker_labels
from gameday.substrates.docker.base_image import HINT, base_name, in_registry, inspect
from gameday.substrates.docker.docker_client import RUN, calling, connect, engine_address
from gameday.substrates.substrate_kind import Availability, Cleared, SubstrateKind, SubstrateSetup, Traces

ASK_S = 3.0


def available() -> Availability:
    """Return whether an engine answers within 3 s and the base image can be had, and why."""
    engine = engine_available()
    image = base_image_available() if engine[0] else engine
    return engine if image[0] else image


def engine_available() -> Availability:
    """Return whether a Docker engine answers within 3 s, and which."""
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
    return (
        True,
        f"Docker engine {version['Version']} answers (API {version['ApiVersion']}), by {engine_address().source}",
    )


def base_image_available() -> Availability:
    """Return whether the base image is here or in a registry that the engine reaches within 3 s, and which."""
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


def make(setup: SubstrateSetup) -> Substrate:
    """Return the substrate of a run; its image is built when the substrate is opened."""
    from gameday.substrates.docker.docker_substrate import DockerSubstrate
    from gameday.substrates.docker.image import ensure_image

    return DockerSubstrate(
        setup.run,
        setup.topology,
        setup.folder,
        functools.partial(ensure_image, setup.compose, setup.progress),
        entry_port=setup.entry_port,
        variables=setup.variables,
    )


def environment_at(port: int) -> Mapping[str, str]:
    """Return the environment of the run's container that is published at the port; {} if there is none."""
    try:
        client = connect(ASK_S)
    except PortError:
        return {}
    try:
        with calling(f"the container at port {port}"):
            containers = client.containers(filters={"publish": str(port), "label": RUN})
            known = [client.inspect_container(container["Id"])["Config"]["Env"] for container in containers]
    except PortError:
        return {}
    finally:
        client.close()
    return dict(entry.partition("=")[::2] for entry in known[0]) if known else {}


def reap(runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    """Remove everything that carries the label of one of the runs; wait `patience` seconds for an engine to answer."""
    names = [traces.run for traces in runs]
    try:
        removals = docker_labels.remove(names, patience)
    except Exception as error:
        return {names[-1]: Cleared(left=[f"docker: {type(error).__name__}: {error}"])}
    return {run: Cleared(removed, left) for run, (removed, left) in removals.items()}


KIND = SubstrateKind(
    "docker",
    available,
    make,
    reap,
    survey=docker_labels.everything,
    environment_at=environment_at,
    is_local=docker_labels.local,
    place="the Docker engine",
)
