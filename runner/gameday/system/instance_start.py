"""Start of single instances: with their release, their link addresses and the operators' settings of the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gameday.ports import Instance, Links, PortError, Release, Substrate
from gameday.system.leadership.leadership_record import LeadershipRecord
from gameday.system.settings.operator_settings import OperatorSetting, OperatorSettings
from gameday.system.startup_progress import StartupProgress
from gameday.topology import Service, Topology


class LinkServers(Links, Protocol):
    """The links of a system, with what their servers' owner needs besides."""

    def forget(self, region: str) -> None:
        """Drop the region's link server, which is gone; `populate` sets its cuts and toxics again."""
        ...

    def standing(self) -> Sequence[str]:
        """Return every link that isn't as at the start."""
        ...


class StartHooks(Protocol):
    """What the starter needs of the system that owns it."""

    def ask(self, instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request to an operator endpoint of the instance. Raise PortError if it fails."""
        ...

    def is_lost(self, region: str) -> bool: ...

    @property
    def leadership(self) -> LeadershipRecord: ...

    def log_ready(self, instance: Instance) -> None: ...

    def log_link_server(self, instance: Instance) -> None: ...

    def kill_one(self, instance: Instance) -> None:
        """Kill and journal."""
        ...


class InstanceStarter:
    """Starts instances one by one. Thread-safe. `releases`: service → the release that it is to run."""

    def __init__(
        self,
        substrate: Substrate,
        links: LinkServers,
        topology: Topology,
        build: Callable[[str], Release],
        closing: threading.Event,
        system: StartHooks,
    ) -> None:
        self._substrate = substrate
        self._links = links
        self._topology = topology
        self._build = build
        self._closing = closing
        self._system = system
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._link_addresses: dict[str, tuple[str, int]] = {}
        self.progress = StartupProgress()
        self.settings = OperatorSettings()
        self._planned = {service.name: str(service.release or service.name) for service in topology.services}
        self.releases = dict(self._planned)

    def as_planned(self) -> bool:
        """Return True if an instance that starts now is as one of the bring-up: its release, no setting made."""
        return self.releases == self._planned and not self.settings.any()

    def build(self, release: str) -> Release:
        """Make a release ready to run. Raise PortError if that fails or the system is being taken down."""
        with self._building:
            if self._closing.is_set():
                raise PortError("the system is being taken down: nothing more is built")
            return self._build(release)

    def finish_building(self) -> None:
        """Wait for a build in progress. After `closing` is set no further one begins."""
        with self._building:
            pass

    def start(self, service: Service, release: str = "") -> Instance:
        """Start an instance and return it once it is ready, by default of the release that the service is to run.

        Raise PortError if it doesn't become ready, or if its region is lost.
        """
        if self._system.is_lost(service.region):
            raise PortError(f"{service.region} is lost: nothing starts there")
        name = release or self.releases[service.name]
        ready = self.build(name) if service.release else Release(service.name, service.name, None)
        settings = self.settings.of(service)
        given = {setting.variable: value for setting in settings if (value := setting.value())}
        values = {
            **self._topology.environment_of_links(service, self._link_addresses),
            **given,
            **(self._order(service) if service.kind == "database" else {}),
        }
        with self.progress.starting(service.id):
            instance = self._substrate.start(service, ready, values)
        if self._system.is_lost(service.region):
            self._substrate.kill(instance)
            raise PortError(f"{service.region} was lost while {instance.id} started")
        self._send(instance, [x for x in settings if x.value() != given.get(x.variable, "")])
        self._system.log_ready(instance)
        return instance

    def _order(self, database: Service) -> Mapping[str, str]:
        """Return what a database is told at its start: who leads, by which term, and whose database surely doesn't run."""
        running = {x.region for x in self._substrate.instances() if x.service == database.name}
        stopped = set(self._topology.regions) - running - {database.region}
        return self._system.leadership.order(stopped)

    def start_wanted(self, service: Service) -> Instance:
        """Start what the service is to run; start again if that changes while the instance starts."""
        instance = self.start(service)
        if service.release and instance.release != self.releases[service.name]:
            self._system.kill_one(instance)
            return self.start(service)
        return instance

    def start_link_server(self, service: Service) -> Instance:
        """Start a link server and populate it; kill it and raise PortError if it can't be populated."""
        instance = self.start(service)
        links = [link for link in self._topology.links if link.caller_region == service.region]
        try:
            ports = self._links.populate(service.region, self._substrate.address(instance), links)
        except PortError:
            self._system.kill_one(instance)
            raise
        self._system.log_link_server(instance)
        with self._lock:
            for link in links:
                self._link_addresses[link.name] = (self._substrate.link_host(link), ports[link.name])
        return instance

    def _send(self, instance: Instance, settings: Sequence[OperatorSetting]) -> None:
        """Send the settings that were made while the instance started; kill it if it doesn't take them."""
        try:
            for path, body in (request for setting in settings for request in setting.requests()):
                self._system.ask(instance, "POST", path, body)
        except PortError:
            self._substrate.kill(instance)
            raise
