"""Start of single instances: with their release, their link addresses and the feature flags of the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gameday.ports import Instance, Links, PortError, Release, Substrate
from gameday.system import feature_flags
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
        self.flags = feature_flags.Flags()
        self._planned = {service.name: str(service.release or service.name) for service in topology.services}
        self.releases = dict(self._planned)

    def as_planned(self) -> bool:
        """Return True if an instance that starts now is as one of the bring-up: its release, and no flag switched."""
        return self.releases == self._planned and not self.flags.all()

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
        flags = self.flags.all() if feature_flags.has_flags(service) else {}
        values = {
            **self._topology.environment_of_links(service, self._link_addresses),
            **feature_flags.variable(flags),
        }
        with self.progress.starting(service.id):
            instance = self._substrate.start(service, ready, values)
        if self._system.is_lost(service.region):
            self._substrate.kill(instance)
            raise PortError(f"{service.region} was lost while {instance.id} started")
        if feature_flags.has_flags(service) and self.flags.all() != flags:
            self._send_flags(instance)
        self._system.log_ready(instance)
        return instance

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

    def _send_flags(self, instance: Instance) -> None:
        """Send the flags that were switched while the instance started; kill it if it doesn't take them."""
        try:
            self._system.ask(instance, "POST", feature_flags.PATH, self.flags.all())
        except PortError:
            self._substrate.kill(instance)
            raise
