"""Wiring of a system of one's own: its topology, its substrate, and the deployer that ships its changes."""

from __future__ import annotations

import functools
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from gameday.changes.deploy import Deploy
from gameday.changes.releases import Catalogue
from gameday.changes.rollout import plan as rollout
from gameday.execution.own.own_audit import collector as collector
from gameday.links.link_control import LinkControl
from gameday.ports import PortError, Release
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.scenario import Scenario
from gameday.scenario import System as SystemSpec
from gameday.scenario.yaml_document import Invalid, Problem
from gameday.substrates.compose.compose_program import read_project
from gameday.substrates.compose.compose_substrate import ComposeSubstrate
from gameday.substrates.compose.container_record import SERVICE, containers_of
from gameday.substrates.docker.docker_client import connect
from gameday.substrates.external.external_substrate import ExternalSubstrate, entry_url
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.own.adopted_system import AdoptedSystem
from gameday.system.own.command_shipping import CommandShipping, OwnRelease
from gameday.topology import Service, Topology
from gameday.topology.topology_model import Template


def own_topology(spec: SystemSpec) -> Topology:
    """Return the services of a system of one's own; there are no links. Raise Invalid if they can't be known.

    Compose names the services of a project, the engine those of one that is attached to.
    """
    if spec.compose is not None:
        return _composed(spec, dict(_services_of_project(spec.model_dump_json())))
    if spec.attach is not None:
        return _composed(spec, _services_of_engine(spec.attach.project))
    assert spec.external is not None
    return Topology(
        spec.regions,
        tuple(_service(spec, name, spec.external.release) for name in spec.external.services),
        (),
    )


def _composed(spec: SystemSpec, services: Mapping[str, tuple[str, int]]) -> Topology:
    """Return the topology of services: name → image and number of containers."""
    return Topology(
        spec.regions,
        tuple(
            replace(_service(spec, name, image), instances=number)
            for name, (image, number) in sorted(services.items())
        ),
        (),
    )


@functools.lru_cache(maxsize=32)
def _services_of_project(spec: str) -> tuple[tuple[str, tuple[str, int]], ...]:
    """Return the services that Compose would start. Cached: a process uses the files as it first read them."""
    system = SystemSpec.model_validate_json(spec)
    assert system.compose is not None
    try:
        project = read_project(system.compose, Path(system.folder or "."))
    except PortError as error:
        raise Invalid([Problem("system.compose", 0, 0, str(error))]) from error
    return tuple(
        (name, (str(service.get("image") or f"{name} as built"), _containers(service)))
        for name, service in project["services"].items()
    )


def _containers(service: Mapping[str, Any]) -> int:
    """Return how many containers Compose starts of a service in its normal form."""
    replicas = (service.get("deploy") or {}).get("replicas", 1)
    return int(service.get("scale", replicas))


def _services_of_engine(project: str) -> dict[str, tuple[str, int]]:
    try:
        with closing(connect()) as client:
            listed = containers_of(client, project)
    except PortError as error:
        raise Invalid([Problem("system.attach", 0, 0, str(error))]) from error
    if not listed:
        hint = "docker compose ls shows the projects that run"
        raise Invalid(
            [Problem("system.attach", 0, 0, f"there is no project {project!r} on this engine", hint)]
        )
    numbers = Counter(container["Labels"][SERVICE] for container in listed)
    return {
        container["Labels"][SERVICE]: (container["Image"], numbers[container["Labels"][SERVICE]])
        for container in listed
    }


def _service(spec: SystemSpec, name: str, release: str) -> Service:
    return Service(
        region=spec.regions[0],
        name=name,
        image=Template(""),
        command=(),
        environment={},
        networks={},
        mounts=(),
        instances=1,
        port=0,
        ready="tcp",
        kind="service",
        release=release,
    )


def own_operator(
    scenario: Scenario,
    run: str,
    folder: Path,
    journal: Journal,
    clock: Clock,
    progress: Callable[[str], None] = lambda text: None,
) -> Deployer:
    """Return the deployer of a scenario's own system, which isn't waited for yet. `folder` is the run's."""
    topology = own_topology(scenario.system)
    kind = ExternalSubstrate if scenario.system.external else ComposeSubstrate
    substrate = kind(run, topology, scenario.system, folder)
    system = AdoptedSystem(
        substrate=substrate,
        links=LinkControl(substrate.upstream, substrate.listen, follows_names=True, secret=""),
        topology=topology,
        build=lambda name: Release(name, "", None),
        token=secrets.token_hex(16),
        progress=progress,
    )
    shipping = CommandShipping(own_releases(scenario), scenario.system.deploy, scenario.system.rollback)
    return Deployer(
        system=system,
        about=shipping.about,
        plan=rollout,
        journal=journal,
        clock=clock,
        roll=functools.partial(shipping.ship, system),
    )


def own_releases(scenario: Scenario) -> Mapping[str, OwnRelease]:
    """Return the releases that the timeline deploys, by name."""
    releases: dict[str, OwnRelease] = {}
    for entry in scenario.timeline:
        if isinstance(entry.spec, Deploy):
            spec = entry.spec
            service = spec.service or own_topology(scenario.system).services[0].name
            summary = spec.summary or f"Deploy {spec.release}"
            releases[spec.release] = OwnRelease(
                spec.release,
                service,
                summary,
                deploy=spec.command,
                rollback=spec.rollback,
                change=_change(spec, scenario.system),
                defect=spec.defect,
            )
    return releases


def _change(spec: Deploy, system: SystemSpec) -> Mapping[str, Any] | None:
    """Return what a deploy changes of its service's definition, None if a command ships it."""
    if not spec.by_compose:
        return None
    change: dict[str, Any] = {"image": spec.image} if spec.image else {}
    change |= {"environment": spec.environment} if spec.environment else {}
    if spec.file:
        source = str((Path(system.folder or ".") / spec.file.source).resolve())
        mount = {"type": "bind", "source": source, "target": spec.file.target, "read_only": True}
        change["volumes"] = [mount]
    return change


def defect_of(scenario: Scenario, bundled: Catalogue, release: str) -> str | None:
    """Return what is wrong with a release, by the bundled catalogue or the own system's scenario; None if nothing is."""
    if not scenario.system.is_own:
        return bundled.spec(release).defect
    deploys = (cast(Deploy, entry.spec) for entry in scenario.timeline if entry.action == "deploy")
    return next((deploy.defect for deploy in deploys if deploy.release == release), None)


def load_target(spec: SystemSpec, entrance: str) -> str:
    """Return the URL at which load enters; `entrance` is the one that the substrate gave."""
    return entry_url(spec) if spec.external or isinstance(spec.entry, str) else entrance
