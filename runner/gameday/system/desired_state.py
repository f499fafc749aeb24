"""Desired state of a system: which places are to have instances, and healing of those that lack some."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from gameday.ports import Instance
from gameday.recording.journal_events import Note
from gameday.system.instance_start import InstanceStarter, LinkServers
from gameday.system.parallel import run_in_parallel
from gameday.system.reconciler import Place, Reconciler
from gameday.topology import Topology


class HealHooks(Protocol):
    """What healing needs of the system that owns it."""

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]: ...

    def kind_of(self, kind: str) -> str | None: ...

    def kill(self, instances: Sequence[Instance]) -> None: ...

    def await_caught_up(self, region: str) -> None: ...

    @property
    def log(self) -> Any: ...


class DesiredState:
    """Knows what is lost, killed on purpose or fenced, and starts everything else that is missing. Thread-safe."""

    def __init__(
        self,
        topology: Topology,
        links: LinkServers,
        starter: InstanceStarter,
        closing: threading.Event,
        system: HealHooks,
    ) -> None:
        self._topology = topology
        self._links = links
        self._starter = starter
        self._system = system
        self._lock = threading.Lock()
        self.lost: set[str] = set()
        """Lost regions."""
        self.fenced: set[str] = set()
        """Regions whose database was stopped so that another could take over."""
        self._kept_down: set[Place] = set()
        """Places where nothing starts before `heal`."""
        self._killed: Counter[Place] = Counter()
        """Place → how many of its instances were killed on purpose and aren't replaced before `heal`."""
        self._catching_up: Counter[str] = Counter()
        """Region → the number of threads that wait for its database to catch up."""
        self.reconciler = Reconciler(self._count_missing, self._start_missing, closing, self._note)

    def mark_lost(self, region: str, lost: bool) -> None:
        """Record that a region is lost, or back: nothing starts in a lost region."""
        with self._lock:
            self.lost.add(region) if lost else self.lost.discard(region)

    def mark_killed(self, instances: Sequence[Instance]) -> None:
        """Record that instances are killed on purpose: they aren't replaced before `heal`, others of their places are."""
        with self._lock:
            self._killed.update((instance.region, instance.service) for instance in instances)

    def as_planned(self) -> bool:
        """Return True if nothing is to be missing: no region lost, no database fenced, no place or instance kept down."""
        with self._lock:
            return not (self.lost or self.fenced or self._kept_down or self._killed.total())

    def heal(self, services: Sequence[Place]) -> None:
        """Start what is missing of these places, link servers first, and wait until their databases have caught up.

        A fenced database stays down until `rejoin`. A thread that heals a database while another thread waits for it
        to catch up waits too. Raise PortError if a start fails.
        """
        name = self._system.kind_of("database")
        with self._lock:
            places = [
                place for place in dict.fromkeys(services) if place[0] not in self.fenced or place[1] != name
            ]
            self._kept_down -= set(places)
            for place in places:
                del self._killed[place]
            databases_of = {region for region, service in places if service == name}
            behind = {region for region in databases_of if self._catching_up[region]}
            self._catching_up.update(databases_of)

        def fill(place: Place) -> None:
            if self.reconciler.fill(place) and place[1] == name:
                behind.add(place[0])

        try:
            servers = [place for place in places if self._topology.service(*place).kind == "links"]
            run_in_parallel([functools.partial(fill, place) for place in servers])
            run_in_parallel([functools.partial(fill, place) for place in places if place not in servers])
            for region in sorted(behind):
                if self._system.instances(name, region):
                    self._system.await_caught_up(region)
        finally:
            with self._lock:
                self._catching_up.subtract(databases_of)

    def keep_down(self, place: Place) -> Sequence[Instance]:
        """Kill all that runs or starts at the place, and start nothing there before `heal`; return what was running."""
        region, name = place
        with self._lock:
            self._kept_down.add(place)
        running = self._system.instances(name, region)
        self._system.kill(running)
        self.reconciler.await_starts(place)
        return running

    def revive(self, instance: Instance) -> None:
        """Restart an instance that died by itself, unless it is a database, whose operators decide what to do."""
        place = (instance.region, instance.service)
        if self._topology.service(*place).kind != "database":
            self.reconciler.restart(place)

    def _count_missing(self, place: Place) -> int:
        """Return how many instances the place lacks, those killed on purpose left out; 0 if its region is lost."""
        service = self._topology.service(*place)
        if place in self._kept_down or service.region in self.lost:
            return 0
        wanted = service.instances - self._killed[place]
        return max(0, wanted - len(self._system.instances(service.name, service.region)))

    def _start_missing(self, place: Place) -> None:
        """Start one instance of the place; kill it if the place is kept down since."""
        service = self._topology.service(*place)
        if service.kind == "links":
            self._links.forget(service.region)
            instance = self._starter.start_link_server(service)
        else:
            instance = self._starter.start_wanted(service)
        if place in self._kept_down:
            self._system.kill([instance])

    def _note(self, text: str) -> None:
        self._system.log(Note(text=text, by="gameday"))
