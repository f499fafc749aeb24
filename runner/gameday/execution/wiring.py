"""Wiring of one run: the only module that knows all its parts."""

from __future__ import annotations

import functools
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gameday import registries
from gameday.changes.change_identity import NO_AI
from gameday.changes.gates.admission import Admission
from gameday.changes.releases import Catalogue
from gameday.changes.rollout import plan as rollout
from gameday.detect import make as make_detector
from gameday.execution import library
from gameday.execution.database_template import template
from gameday.execution.monitoring.telemetry_wiring import watch
from gameday.execution.own.own_wiring import collector, defect_of, load_target
from gameday.faults.load_surge import Surge, headroom
from gameday.faults.standing_faults import StandingFaults
from gameday.links.link_control import LinkControl
from gameday.links.server_command import follows_names, server_command
from gameday.load.load_plan import LoadPlan, pool_for
from gameday.load.load_process import LocustLoad
from gameday.load.own_data import rows_of
from gameday.ports import Arena, PortError, Responder, Substrate
from gameday.recording.clock import Clock, RunClock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import OrdersCollected
from gameday.recording.samples import read_samples
from gameday.responders.reaction import Delayed
from gameday.run.run_context import Abort, Pages, RunContext, Screen
from gameday.scenario import STOREFRONT, Scenario
from gameday.substrates import KINDS, SubstrateSetup
from gameday.system import postgres_admin
from gameday.system.authorization import credentials
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.run_secrets import RunSecrets
from gameday.system.system import System
from gameday.telemetry.canary_judge import Judge
from gameday.telemetry.edge_status import Status
from gameday.telemetry.order_records import collect_orders
from gameday.telemetry.outside.inbox import Inbox
from gameday.topology import Topology, bundled

GRACE = 5.0
JITTER = 1.0
"""Seconds by which the fault is put off at most, unless said, so that trials meet every tick in random phase."""


@dataclass(frozen=True)
class Settings:
    """What the command line adds to a scenario. `toxiproxy`: path of a real server, None for the embedded one.

    The timeline begins up to `within` seconds after the steady state, unpredictable if `secret`; if `held`, it waits.
    """

    run: str
    folder: Path
    seed: int
    substrate: str
    toxiproxy: str | None = None
    within: float = JITTER
    secret: bool = False
    held: bool = False


def world(
    scenario: Scenario,
    settings: Settings,
    clock: RunClock,
    journal: Journal,
    screen: Screen,
    pages: Pages,
    operating: Deployer,
    down: Callable[[bool], Sequence[str]],
) -> RunContext:
    """Return everything that a run touches, with nothing started. `down` ends it: see `RunContext`."""
    system, releases, load = operating.system, library.catalogue(), _load(scenario, settings, clock)
    arena = Arena(system, load, StandingFaults())
    inbox = Inbox(scenario.detectors, clock, journal)
    samples = functools.partial(read_samples, settings.folder / "samples")
    operating.canaries.make_judge = functools.partial(Judge, scenario.slos, samples, make_detector)
    operating.admit = Admission.of_run(scenario, releases, operating, samples, clock).admit
    return RunContext(
        scenario=scenario,
        deployer=operating,
        load=load,
        telemetry=watch(scenario, settings.run, settings.folder, clock, journal, inbox),
        responder=_responder(scenario),
        journal=journal,
        clock=clock,
        samples=samples,
        addresses=functools.partial(_addresses, system),
        collect=collector(scenario, settings.folder, functools.partial(_collect, system, settings)),
        bind=lambda action, spec: spec.bind(arena),
        sight=Status(functools.partial(_address, system, "router"), system.token),
        defect=functools.partial(defect_of, scenario, releases),
        pages=pages,
        screen=screen,
        down=down,
        abort=_abort(scenario, settings),
        jitter=_jitter(settings),
        secret=settings.secret,
        deliver=inbox.deliver if inbox.detectors else None,
        held=settings.held,
    )


def _jitter(settings: Settings) -> float:
    """Return the random delay: by the seed, so that a run can be repeated; unpredictable for a secret run."""
    draw = random.SystemRandom() if settings.secret else random.Random(settings.seed)  # noqa: S311
    return draw.uniform(0, settings.within)


def operator(
    scenario: Scenario,
    settings: Settings,
    journal: Journal,
    clock: Clock,
    progress: Callable[[str], None] = lambda text: None,
) -> Deployer:
    """Return the deployer of a scenario's system, not started. `progress` gets the text of long work, such as image builds."""
    topology, releases = library.topology(scenario), library.catalogue()
    token, credential, drawn = secrets.token_hex(16), secrets.token_hex(16), RunSecrets.draw()

    def report(text: str) -> None:
        system.startup.report(text)
        progress(text)

    substrate, links = _substrate(
        scenario, settings, topology, report, _variables(scenario, token, credential, drawn), drawn.links
    )
    system = System(
        substrate=substrate,
        links=links,
        topology=topology,
        build=lambda name: releases.build(name, settings.folder / "work" / "releases"),
        token=token,
        credential=credential,
        secrets=drawn,
        delay=scenario.system.replication.delay,
        progress=progress,
    )

    def migrate(name: str) -> None:
        statements = releases.migration(name)
        if statements:
            system.altered.add(f"schema of {name}")
            postgres_admin.execute(system.database(system.primary()), statements)

    return Deployer(
        system=system,
        about=functools.partial(_about, releases),
        plan=rollout,
        journal=journal,
        clock=clock,
        grace=GRACE,
        migrate=migrate,
    )


def _variables(scenario: Scenario, token: str, credential: str, drawn: RunSecrets) -> dict[str, str]:
    """Return the run-wide values of the compose files' variables; `credential` is automation's token."""
    on = [
        name.replace("_", "-") for name, value in scenario.guardrails if value and name != "least_privilege"
    ]
    return {
        "GUARDRAILS": ",".join(on) or "none",
        "OPERATOR_TOKEN": token,
        "CREDENTIALS": credentials(credential, least=scenario.guardrails.least_privilege),
        "PRIMARY": scenario.system.regions[0],
        "REPLICATION": scenario.system.replication.mode,
        "REPLICATION_DELAY": f"{scenario.system.replication.delay:g}",
        **drawn.variables(),
    }


def _substrate(
    scenario: Scenario,
    settings: Settings,
    topology: Topology,
    progress: Callable[[str], None],
    variables: Mapping[str, str],
    secret: str,
) -> tuple[Substrate, LinkControl]:
    control: list[LinkControl] = []
    kind = KINDS[settings.substrate]
    setup = SubstrateSetup(
        settings.run,
        topology,
        settings.folder,
        bundled.compose(),
        template,
        progress,
        entry_port=scenario.system.port or 0,
        variables=variables,
        disks=_disks(scenario, topology),
        names_changed=lambda table: control[0].moved(table),
        link_command=functools.partial(server_command, settings.toxiproxy),
    )
    substrate = kind.make(setup)
    embedded = not kind.uses_link_server or follows_names(settings.toxiproxy)
    control.append(LinkControl(substrate.upstream, substrate.listen, follows_names=embedded, secret=secret))
    return substrate, control[0]


def _disks(scenario: Scenario, topology: Topology) -> set[str]:
    """Return the services whose volumes a fault of the scenario fills."""
    kinds = {getattr(entry.spec, "fills_disk_of", None) for entry in scenario.timeline}
    return {service.name for service in topology.services if service.kind in kinds}


def _about(releases: Catalogue, name: str) -> Mapping[str, Any]:
    """Return what the change feed says of a release; `ai` is False if it states that AI had no part."""
    spec = releases.spec(name)
    about = spec.model_dump(mode="json", exclude={"defect"}, exclude_none=True)
    return {**about, "ai": False if about.get("ai") == NO_AI else about.get("ai")}


def _load(scenario: Scenario, settings: Settings, clock: RunClock) -> LocustLoad:
    load, samples = scenario.load, settings.folder / "samples"
    most = max(1.0, headroom([(x.at, x.spec) for x in scenario.timeline if isinstance(x.spec, Surge)]))

    def plan(target: str) -> LoadPlan:
        return LoadPlan(
            run=settings.run,
            target=load_target(scenario.system, target),
            seed=settings.seed,
            origin=clock.origin,
            rate=load.rate,
            journeys={str(name): weight for name, weight in load.journeys.items()},
            timeout=load.timeout,
            think_time=load.think_time,
            regions=dict.fromkeys(scenario.system.regions, 1.0),
            headroom=most,
            pool=pool_for(load.rate * most, load.timeout),
            products=None if scenario.journeys else bundled.compose() / STOREFRONT.products,
            own=scenario.journeys,
            rows=rows_of(scenario),
            shard=samples / "0.shard",
        )

    return LocustLoad(plan, clock, samples, settings.folder / "logs")


def _responder(scenario: Scenario) -> Responder:
    responder: Responder = registries.RESPONDERS[scenario.respond.by](scenario.respond.policy)
    return Delayed(responder, scenario.respond.reaction) if scenario.respond.reaction else responder


def _abort(scenario: Scenario, settings: Settings) -> Abort | None:
    """Return the abort conditions; CEL is imported only if the scenario has any."""
    if not scenario.abort:
        return None
    from gameday.analysis.expressions.abort_conditions import Conditions
    from gameday.analysis.impact.blast_radius import read_homes

    return Conditions(scenario, functools.partial(read_homes, settings.folder / "samples" / "load.json"))


def _addresses(system: System) -> Mapping[str, tuple[str, int]]:
    """Return instance → address of all instances that serve /metrics."""
    scraped = {(s.region, s.name) for s in system.topology.services if s.ready == "http"}
    served = [one for one in system.instances() if (one.region, one.service) in scraped]
    return {instance.id: system.substrate.address(instance) for instance in served}


def _address(system: System, kind: str) -> tuple[str, int] | None:
    """Return the address of the one service of that kind; None while it isn't running."""
    running = system.instances(system.kind_of(kind))
    try:
        return system.substrate.address(running[0]) if running else None
    except PortError:
        return None


def _collect(system: System, settings: Settings) -> OrdersCollected:
    """Query database and ledger directly, not through links: a fault must not hide the fate of orders."""
    database: str | None = None
    with suppress(PortError):
        database = system.database(system.primary())
    payments = _address(system, "third-party")
    return collect_orders(database, payments, settings.run, settings.folder, key=system.secrets.payments)
