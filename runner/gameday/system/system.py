"""The system under test: its instances and links, brought up, lost, cut off, healed; what faults and operations act on.

It knows which release each service is to run and who takes the database's writes. What to do and when is decided
elsewhere; every instance that comes or goes is journalled here.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from gameday.ports import Instance, Links, PortError, Release, Substrate, Volumes
from gameday.system import feature_flags, network_effects, operator_client, postgres_admin
from gameday.system.reconciler import Place, Vacancies
from gameday.system.startup_progress import Awaited
from gameday.topology import Service, Topology

CATCH_UP_S = 60.0

Log = Callable[[str, str, Mapping[str, Any]], None]


class LinkServers(Links, Protocol):
    """The links of a system, with what only their servers' owner needs."""

    def forget(self, region: str) -> None:
        """The region's link server is gone; what stands on its links is set again by `populate`."""
        ...

    def standing(self) -> Sequence[str]:
        """What isn't as at the start."""
        ...


@dataclass
class System:
    """`ports.System`. `build` makes a release ready to run; `log` journals; `token` opens the operators' endpoints,
    `credential` is an automation's: what it may do, the system knows."""

    substrate: Substrate
    links: LinkServers
    topology: Topology
    build: Callable[[str], Release]
    log: Log = lambda kind, subject, data: None
    token: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)
    delay: float = 0.0
    """Seconds that data takes between the databases of two regions."""
    progress: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self.closing = threading.Event()
        self._addresses: dict[str, tuple[str, int]] = {}
        self._up = False
        self._primary = self.topology.regions[0]
        self._lost: set[str] = set()
        self._down: set[Place] = set()
        """Killed on purpose: nothing starts there before `heal`."""
        self.fenced: set[str] = set()
        """Regions whose database was stopped so that another could take over."""
        self.altered: set[str] = set()
        """What else isn't as at the start: a schema, a flag, traffic drained."""
        self._catching: Counter[str] = Counter()
        self._vacancies = Vacancies(
            self._lacking,
            self._start_missing,
            self.closing,
            lambda text: self.log("note", "", {"text": text, "by": "gameday"}),
        )
        self.awaited = Awaited()
        self.flags = feature_flags.Flags()
        self.releases = {
            service.name: str(service.release or service.name) for service in self.topology.services
        }

    def bring_up(self) -> None:
        """Link servers first, then their proxies, then all else in parallel; nothing to do where it is up."""
        if self._up:
            for instance in self.substrate.instances():
                self._ready(instance)
            return
        self.substrate.open()
        servers = [service for service in self.topology.services if service.kind == "links"]
        _together([functools.partial(self._start_links, service) for service in servers])
        rest = [s for s in self.topology.services if s.kind != "links" for _ in range(s.instances)]
        self.progress(f"starting {len(rest)} instances of {len({s.name for s in rest})} services")
        _together([functools.partial(self.start, service) for service in rest])
        if self.delay:
            network_effects.set_apart(
                self.links, network_effects.between_databases(self.topology), self.delay
            )
        self._up = True

    def take_down(self) -> Sequence[str]:
        """Everything down; what couldn't be removed. Never raises PortError: a failure is something left."""
        self.closing.set()
        with self._building:
            pass  # a release that is being built is finished; none begins after
        try:
            return list(self.substrate.close())
        except PortError as error:
            return [str(error)]

    def restored(self) -> bool:
        """As it was after `bring_up`: every instance on its first release, no link touched, the database at home."""
        running = Counter((each.region, each.service, each.release) for each in self.substrate.instances())
        planned = {(s.region, s.name, s.release or s.name): s.instances for s in self.topology.services}
        at_home = self._primary == self.topology.regions[0] and not (self.fenced | self._lost)
        touched = any(network_effects.APART not in each for each in self.links.standing())
        return running == planned and at_home and not touched and not self.altered

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]:
        """Those that run now."""
        return [
            each
            for each in self.substrate.instances()
            if service in (None, each.service) and region in (None, each.region)
        ]

    def primary(self) -> str:
        """The region whose database takes writes, or took them last."""
        return self._primary

    def promoted(self, region: str) -> None:
        """From now on this region's database takes the writes."""
        self._primary = region

    def kind_of(self, kind: str) -> str | None:
        """The name of the service of that kind: `database`, `router`, …"""
        return next((service.name for service in self.topology.services if service.kind == kind), None)

    def database(self, region: str) -> str:
        """postgresql:// address by which the runner reaches the region's database. Raises PortError where none runs."""
        name = self.kind_of("database")
        running = self.instances(name, region) if name else []
        link = next((x for x in self.topology.links if x.callee == name), None)
        if not running or link is None:
            raise PortError(f"no database runs in {region}")
        return link.url(*self.substrate.address(running[0]))

    def ask(
        self,
        instance: Instance,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> Any:
        """The JSON answer of an instance's operator endpoint, by the operators' token unless said. Raises PortError."""
        given = self.token if token is None else token
        return operator_client.ask(self.substrate.address(instance), method, path, body, given, instance.id)

    def kill(self, instances: Sequence[Instance]) -> None:
        """SIGKILL, all at once. Nothing restarts them before `heal`."""
        with self._lock:
            self._down |= {(each.region, each.service) for each in instances}
        for each in instances:
            if self.topology.service(each.region, each.service).kind == "links":
                self.links.forget(each.region)
        _together([functools.partial(self._kill, each) for each in instances])

    def heal(self, services: Sequence[Place]) -> None:
        """Starts what is missing of these (region, service), link servers first. Databases are let catch up.

        One that was fenced waits for `rejoin`. Whoever comes while another lets a database catch up waits for that too.
        """
        name = self.kind_of("database")
        with self._lock:
            places = [
                place for place in dict.fromkeys(services) if place[0] not in self.fenced or place[1] != name
            ]
            self._down -= set(places)
            databases_of = {region for region, service in places if service == name}
            behind = {region for region in databases_of if self._catching[region]}
            self._catching.update(databases_of)

        def fill(place: Place) -> None:
            if self._vacancies.fill(place) and place[1] == name:
                behind.add(place[0])

        try:
            servers = [place for place in places if self.topology.service(*place).kind == "links"]
            _together([functools.partial(fill, place) for place in servers])
            _together([functools.partial(fill, place) for place in places if place not in servers])
            for region in sorted(behind):
                if self.instances(name, region):
                    self.caught_up(region)
        finally:
            with self._lock:
                self._catching.subtract(databases_of)

    def _lacking(self, place: Place) -> int:
        """Nothing where it was killed on purpose, or the region is lost."""
        service = self.topology.service(*place)
        if place in self._down or service.region in self._lost:
            return 0
        return max(0, service.instances - len(self.instances(service.name, service.region)))

    def _start_missing(self, place: Place) -> None:
        service = self.topology.service(*place)
        if service.kind == "links":
            self.links.forget(service.region)
            instance = self._start_links(service)
        else:
            instance = self._start_wanted(service)
        if place in self._down:  # since: it isn't wanted any more
            self.kill([instance])

    def stop_for_good(self, place: Place) -> Sequence[Instance]:
        """All that runs there, and what is being started, is killed; nothing starts there before `heal`. Who ran."""
        region, name = place
        with self._lock:
            self._down.add(place)
        running = self.instances(name, region)
        self.kill(running)
        self._vacancies.settle(place)
        return running

    def replacing(self, place: Place) -> AbstractContextManager[None]:
        """While one instance there is started in place of another, that one isn't missing."""
        return self._vacancies.replacing(place)

    def lose(self, region: str, *, destroy: bool) -> None:
        """Kills all in it, its link server too, its database first, with what that has sent; volumes kept or not."""
        with self._lock:
            self._lost.add(region)
        with network_effects.nothing_arrives(self.links, self.topology, region, self.delay):
            self.kill(self.instances(self.kind_of("database"), region))
        self.kill(self.instances(region=region))
        if destroy:
            if not isinstance(self.substrate, Volumes):
                raise PortError(
                    f"the {self.substrate.name} substrate can't destroy volumes: use volumes: keep"
                )
            self.substrate.destroy_volumes(region)

    def bring_back(self, region: str) -> None:
        """Starts everything of a lost region again; a database that was replaced as primary waits for `rejoin`."""
        with self._lock:
            self._lost.discard(region)
        waits = self.kind_of("database") if region in self.fenced else None
        self.heal(
            [(s.region, s.name) for s in self.topology.services if s.region == region and s.name != waits]
        )

    def isolate(self, region: str) -> None:
        """Nothing passes between the region and the rest: by its networks where there are any, else by its links."""
        if self.substrate.name == "docker":
            self.substrate.isolate(region)
            return
        network_effects.swallow(self.links, self.topology, region)

    def join(self, region: str) -> None:
        """Takes `isolate` back."""
        if self.substrate.name == "docker":
            self.substrate.join(region)
            return
        network_effects.release(self.links, self.topology, region)

    def revive(self, instance: Instance) -> None:
        """Starts an instance that died by itself again, later each time, until it is there or isn't wanted any more.

        A database waits for somebody to decide.
        """
        place = (instance.region, instance.service)
        if self.topology.service(*place).kind != "database":
            self._vacancies.refill(place)

    def forgive(self) -> None:
        """Deaths till now make no later one wait longer."""
        self._vacancies.forgive()

    def caught_up(self, region: str) -> None:
        """Waits until the region's database follows the primary closely; nothing to wait for at the primary itself."""
        if region != self._primary:
            standby = functools.partial(self.database, region)
            postgres_admin.await_caught_up(
                self.database(self._primary), standby, region, CATCH_UP_S, self.closing
            )
            self.log("replica.caught_up", region, {})

    def start(self, service: Service, release: str = "") -> Instance:
        """A new instance, ready; of the service's own release unless said. Raises PortError."""
        if service.region in self._lost:
            raise PortError(f"{service.region} is lost: nothing starts there")
        name = release or self.releases[service.name]
        ready = self.built(name) if service.release else Release(service.name, service.name, None)
        begins = self.flags.all() if feature_flags.has_flags(service) else {}
        values = {
            **self.topology.environment_of_links(service, self._addresses),
            **feature_flags.variable(begins),
        }
        with self.awaited.instance(service.id):
            instance = self.substrate.start(service, ready, values)
        if service.region in self._lost:
            self.substrate.kill(instance)
            raise PortError(f"{service.region} was lost while {instance.id} started")
        if feature_flags.has_flags(service) and self.flags.all() != begins:
            self._switch(instance)
        self._ready(instance)
        return instance

    def _switch(self, instance: Instance) -> None:
        """Flags were switched while it started: it is told, or it doesn't run."""
        try:
            self.ask(instance, "POST", feature_flags.PATH, self.flags.all())
        except PortError:
            self.substrate.kill(instance)
            raise

    def _start_wanted(self, service: Service) -> Instance:
        """Starts what the service is to run, also where that changed while it started."""
        instance = self.start(service)
        if service.release and instance.release != self.releases[service.name]:
            self._kill(instance)
            return self.start(service)
        return instance

    def stopped(self, instance: Instance, grace: float) -> None:
        """Asks it to end, within `grace` seconds; journals it as killed where it didn't."""
        if self.substrate.stop(instance, grace):
            self._gone("instance.stopped", instance)
        else:
            self._gone(
                "instance.killed", instance, f"didn't end within {grace:g} s of being told to, and was killed"
            )

    def is_lost(self, region: str) -> bool:
        return region in self._lost

    def built(self, release: str) -> Release:
        """Ready to run. Raises PortError also where the system is being taken down."""
        with self._building:
            if self.closing.is_set():
                raise PortError("the system is being taken down: nothing more is built")
            return self.build(release)

    def _start_links(self, service: Service) -> Instance:
        """One that can't be told its links doesn't run."""
        instance = self.start(service)
        links = [link for link in self.topology.links if link.caller_region == service.region]
        try:
            ports = self.links.populate(service.region, self.substrate.address(instance), links)
        except PortError:
            self._kill(instance)
            raise
        with self._lock:
            for link in links:
                self._addresses[link.name] = (self.substrate.link_host(link), ports[link.name])
        return instance

    def _kill(self, instance: Instance) -> None:
        self.substrate.kill(instance)
        self._gone("instance.killed", instance)

    def _ready(self, instance: Instance) -> None:
        self._gone("instance.ready", instance)

    def _gone(self, kind: str, instance: Instance, why: str = "") -> None:
        place = {"service": instance.service, "region": instance.region, "release": instance.release}
        self.log(kind, instance.id, {**place, "why": why} if why else place)


def _together(work: Sequence[Callable[[], object]]) -> None:
    """All in parallel. Raises the error that came first, at once: what waits for it in vain would only hide it."""
    if not work:
        return
    pool = ThreadPoolExecutor(64, thread_name_prefix="system")
    try:
        for future in as_completed([pool.submit(each) for each in work]):
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
