"""Wiring of a system of one's own: its topology, its substrate, and the deployer that ships its changes."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from gameday.changes.deploy import Deploy
from gameday.changes.releases import Catalogue
from gameday.changes.rollout import plan as rollout
from gameday.links.link_control import LinkControl
from gameday.ports import Release
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.scenario import Scenario
from gameday.scenario import System as SystemSpec
from gameday.substrates.external.external_substrate import ExternalSubstrate, entry_url
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.own.adopted_system import AdoptedSystem
from gameday.system.own.command_shipping import CommandShipping, OwnRelease
from gameday.topology import Service, Topology
from gameday.topology.topology_model import Template


def own_topology(spec: SystemSpec) -> Topology:
    """Return the services that an external system names, in its first region; there are no links."""
    assert spec.external is not None
    return Topology(
        spec.regions,
        tuple(_service(spec, name, spec.external.release) for name in spec.external.services),
        (),
    )


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
    substrate = ExternalSubstrate(run, topology, scenario.system, folder)
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
                defect=spec.defect,
            )
    return releases


def defect_of(scenario: Scenario, bundled: Catalogue, release: str) -> str | None:
    """Return what is wrong with a release, by the bundled catalogue or the own system's scenario; None if nothing is."""
    if not scenario.system.is_own:
        return bundled.spec(release).defect
    deploys = (cast(Deploy, entry.spec) for entry in scenario.timeline if entry.action == "deploy")
    return next((deploy.defect for deploy in deploys if deploy.release == release), None)


def load_target(spec: SystemSpec, entrance: str) -> str:
    """Return the URL at which load enters; `entrance` is the one that the substrate gave."""
    return entry_url(spec) if spec.is_own else entrance
