"""Puts the parts of one run together: the only place that knows them all."""

from __future__ import annotations

import functools
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import bundled
from runner.changes.releases import Catalogue
from runner.changes.rollout import plan as rollout
from runner.cli import library
from runner.clock import Clock, RunClock
from runner.detect import make as make_detector
from runner.detect import make_scrape
from runner.interpreter import Screen, World
from runner.journal import Journal
from runner.links.control import LinkControl
from runner.links.start import follows_names, server_command
from runner.load.plan import LoadPlan, pool_for
from runner.load.process import LocustLoad
from runner.operator import Operator
from runner.ports import Instance, PortError, Responder, Substrate
from runner.responders.auto import Auto
from runner.responders.none import Nobody
from runner.samples import read_samples
from runner.scenario import Scenario
from runner.telemetry.orders import collect_orders
from runner.telemetry.scrape import Scrape
from runner.telemetry.watch import Watch
from runner.topology import Topology

TEMPLATE_TIMEOUT = 180.0
GRACE = 5.0
JITTER = 1.0
"""Seconds by which the fault is put off at most, so that trials meet every tick in random phase."""


@dataclass(frozen=True)
class Settings:
    """What the command line adds to a scenario. `toxiproxy`: path of a real server, None for the embedded one."""

    run: str
    folder: Path
    seed: int
    substrate: str
    toxiproxy: str | None = None


def world(
    scenario: Scenario,
    settings: Settings,
    clock: RunClock,
    journal: Journal,
    screen: Screen,
    operating: Operator,
    down: Callable[[bool], Sequence[str]],
) -> World:
    """Everything a run touches, nothing of it started. `down` ends it: see `World`."""
    topology, releases = operating.topology, library.catalogue()
    return World(
        scenario=scenario,
        operator=operating,
        load=_load(scenario, settings, clock),
        telemetry=_watch(scenario, clock, journal),
        responder=_responder(scenario),
        journal=journal,
        clock=clock,
        samples=functools.partial(read_samples, settings.folder / "samples"),
        addresses=functools.partial(_addresses, operating.substrate, topology),
        collect=functools.partial(_collect, operating.substrate, topology, settings),
        defect=lambda release: releases.spec(release).defect,
        screen=screen,
        down=down,
        jitter=random.Random(settings.seed).uniform(0, JITTER),  # noqa: S311  (no secret)
    )


def operator(
    scenario: Scenario,
    settings: Settings,
    journal: Journal,
    clock: Clock,
    progress: Callable[[str], None] = lambda text: None,
) -> Operator:
    """The system of a scenario, not started; `progress` is told of long work, such as building the image."""
    topology, releases = library.topology(scenario), library.catalogue()
    substrate, links = _substrate(scenario, settings, topology, progress)
    return Operator(
        substrate=substrate,
        links=links,
        topology=topology,
        build=lambda name: releases.build(name, settings.folder / "work" / "releases"),
        about=functools.partial(_about, releases),
        plan=rollout,
        journal=journal,
        clock=clock,
        grace=GRACE,
        progress=progress,
    )


def _substrate(
    scenario: Scenario, settings: Settings, topology: Topology, progress: Callable[[str], None]
) -> tuple[Substrate, LinkControl]:
    control: list[LinkControl] = []
    substrate: Substrate
    if settings.substrate == "docker":
        from runner.substrates.docker import DockerSubstrate
        from runner.substrates.image import ensure_image

        image = functools.partial(ensure_image, bundled.compose(), progress)
        port = scenario.system.port or 0
        substrate = DockerSubstrate(settings.run, topology, settings.folder, image, edge_port=port)
    else:
        from runner.substrates.process import ProcessSubstrate

        substrate = ProcessSubstrate(
            settings.run,
            topology,
            settings.folder,
            template_dir=template,
            edge_port=scenario.system.port or 0,
            names_changed=lambda table: control[0].moved(table),
            link_command=functools.partial(server_command, settings.toxiproxy),
        )
    embedded = settings.substrate == "docker" or follows_names(settings.toxiproxy)
    control.append(LinkControl(substrate.upstream, substrate.listen, follows_names=embedded))
    return substrate, control[0]


def _about(releases: Catalogue, name: str) -> Mapping[str, Any]:
    spec = releases.spec(name)
    return spec.model_dump(mode="json", exclude={"defect"})


def _load(scenario: Scenario, settings: Settings, clock: RunClock) -> LocustLoad:
    load, samples = scenario.load, settings.folder / "samples"

    def plan(target: str) -> LoadPlan:
        return LoadPlan(
            run=settings.run,
            target=target,
            seed=settings.seed,
            origin=clock.origin,
            rate=load.rate,
            journeys={str(name): weight for name, weight in load.journeys.items()},
            timeout=load.timeout,
            think_time=load.think_time,
            regions=dict.fromkeys(scenario.system.regions, 1.0),
            pool=pool_for(load.rate, load.timeout),
            products=bundled.compose() / "storefront" / "data" / "products.json",
            shard=samples / "0.shard",
        )

    return LocustLoad(plan, clock, samples, settings.folder / "logs")


def _watch(scenario: Scenario, clock: RunClock, journal: Journal) -> Watch:
    """Client-side streams, and the service-side one where the scenario has it."""
    service_side = next((each for each in scenario.detectors if each.detector == "scrape"), None)
    scrape = Scrape(service_side, scenario.slos, make_scrape, clock, journal) if service_side else None
    return Watch(scenario, make_detector, clock, journal, scrape)


def _responder(scenario: Scenario) -> Responder:
    return Auto(scenario.respond.policy or "rollback-latest-change") if scenario.respond.by == "auto" else Nobody()


def _addresses(substrate: Substrate, topology: Topology) -> Mapping[str, tuple[str, int]]:
    """Instance → address of all that serve /metrics."""
    scraped = {(s.region, s.name) for s in topology.services if s.ready == "http"}
    return {
        each.id: substrate.address(each) for each in substrate.instances() if (each.region, each.service) in scraped
    }


def _collect(substrate: Substrate, topology: Topology, settings: Settings) -> Mapping[str, Any]:
    """Asks the database itself, not through a link: a fault must not hide what became of the orders."""
    link = next(x for x in topology.links if topology.service(x.callee_region, x.callee).kind == "database")
    database = _instance_of(substrate, link.callee)
    if database is None:
        return {"file": None, "orders": None, "why": "no database runs"}
    url = link.url(*substrate.address(database))
    return collect_orders(url, settings.run, settings.folder / "audit.jsonl")


def _instance_of(substrate: Substrate, service: str) -> Instance | None:
    return next((each for each in substrate.instances() if each.service == service), None)


def template() -> Path:
    """The preloaded Postgres data directory, made once for each content and kept in the user's cache."""
    environment = {**os.environ, "PYTHONPATH": str(bundled.compose())}
    key = _run([sys.executable, "-m", "storefront.seed", "--key"], environment).strip()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "gameday" / f"template-{key}"
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PortError(f"can't keep the database's template: {error}; set XDG_CACHE_HOME") from error
        _run([sys.executable, "-m", "storefront.seed", str(folder)], environment)
    return folder


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=TEMPLATE_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PortError(f"can't prepare the database: {error}") from error
    if done.returncode:
        raise PortError(f"can't prepare the database: {done.stderr.strip()[-1500:]}")
    return done.stdout
