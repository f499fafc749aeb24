"""The system under test: brings instances and links up, loses and heals them; faults and operations act on it.

It knows the release that each service is to run and the region whose database takes writes, and journals every
instance that comes or goes. Timeline and responders decide what to do and when.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from gameday.ports import Instance, Isolation, PortError, Release, Substrate, Volumes
from gameday.recording.journal_events import (
    InstanceKilled,
    InstanceReady,
    InstanceStopped,
    JournalEvent,
    LinkServerReady,
    ReplicaCaughtUp,
)
from gameday.system import network_effects, operator_client, postgres_admin
from gameday.system.desired_state import DesiredState
from gameday.system.instance_start import InstanceStarter, LinkServers
from gameday.system.leadership.leadership_record import LeadershipRecord
from gameday.system.parallel import run_in_parallel
from gameday.system.reconciler import Place
from gameday.system.run_secrets import RunSecrets
from gameday.system.settings.operator_settings import OperatorSettings
from gameday.system.startup_progress import StartupProgress
from gameday.topology import EDGE, Service, Topology

CATCH_UP_S = 60.0

Log = Callable[[JournalEvent], None]


@dataclass
class System:
    """Implements `ports.System`. Thread-safe.

    `build` makes a release ready to run; `log` journals. `token` opens the operators' endpoints, `credential` is an
    automation's token, whose scopes the system itself knows.
    """

    substrate: Substrate
    links: LinkServers
    topology: Topology
    build: Callable[[str], Release]
    log: Log = lambda event: None
    token: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)
    secrets: RunSecrets = field(default_factory=RunSecrets)
    delay: float = 0.0
    """Seconds that data takes between the databases of two regions."""
    progress: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        self._up = False
        self.leadership = LeadershipRecord(self.topology.regions[0])
        self.altered: set[str] = set()
        """Other differences from the state after `bring_up`: a schema, a flag, drained traffic."""
        self._starter = InstanceStarter(
            self.substrate,
            self.links,
            self.topology,
            lambda name: self.build(name),
            self.closing,
            self,
        )
        self._desired = DesiredState(self.topology, self.links, self._starter, self.closing, self)

    @property
    def startup(self) -> StartupProgress:
        """What the bring-up is waiting for."""
        return self._starter.progress

    @property
    def settings(self) -> OperatorSettings:
        """What operators have set on running instances."""
        return self._starter.settings

    @property
    def releases(self) -> dict[str, str]:
        """Service → the release that it is to run."""
        return self._starter.releases

    @property
    def fenced(self) -> set[str]:
        """Regions whose database was stopped so that another could take over."""
        return self._desired.fenced

    def bring_up(self) -> None:
        """Start the link servers, populate them, then start all other instances in parallel; no-op if it is up.

        Raise PortError if anything doesn't become ready.
        """
        if self._up:
            for instance in self.substrate.instances():
                self.log_ready(instance)
                if self.topology.service(instance.region, instance.service).kind == "links":
                    self.log_link_server(instance)
            return
        self.substrate.open()
        servers = [service for service in self.topology.services if service.kind == "links"]
        run_in_parallel([functools.partial(self._starter.start_link_server, service) for service in servers])
        rest = [s for s in self.topology.services if s.kind != "links" for _ in range(s.instances)]
        self.progress(f"starting {len(rest)} instances of {len({s.name for s in rest})} services")
        run_in_parallel([functools.partial(self.start, service) for service in rest])
        if self.delay:
            ways = network_effects.between_databases(self.topology)
            network_effects.add_distance(self.links, ways, self.delay)
        self._up, self.leadership.new = True, False

    def take_down(self) -> Sequence[str]:
        """Take everything down; return what couldn't be removed, errors included. Never raise PortError."""
        self.closing.set()
        self._starter.finish_building()
        try:
            return list(self.substrate.close())
        except PortError as error:
            return [str(error)]

    def restored(self) -> bool:
        """Return True if all is and is to be as after `bring_up`: instances, releases, links, primary, nothing altered."""
        running = Counter((i.region, i.service, i.release) for i in self.substrate.instances())
        planned = {(s.region, s.name, s.release or s.name): s.instances for s in self.topology.services}
        desired = self.primary() == self.topology.regions[0] and self._desired.as_planned()
        touched = self.altered or any(network_effects.DISTANCE not in x for x in self.links.standing())
        return running == Counter(planned) and desired and self._starter.as_planned() and not touched

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]:
        """Return the running instances, of one service or region if given."""
        return [
            instance
            for instance in self.substrate.instances()
            if service in (None, instance.service) and region in (None, instance.region)
        ]

    def primary(self) -> str:
        """Return the region whose database takes writes, or took them last."""
        return self.leadership.present.region

    def kind_of(self, kind: str) -> str | None:
        """Return the name of the service of a kind (`database`, `router`, …), None if there is none."""
        return next((service.name for service in self.topology.services if service.kind == kind), None)

    def database(self, region: str) -> str:
        """Return the postgresql:// address of the region's database for the runner. Raise PortError if none runs."""
        name = self.kind_of("database")
        running = self.instances(name, region) if name else []
        # Databases and backups reach one another as another role.
        services = (x for x in self.topology.links if x.caller != name and x.caller_region != EDGE)
        link = next((x for x in services if x.callee == name), None)
        if not running or link is None:
            raise PortError(f"no database runs in {region}")
        return self.secrets.database_url(link.url(*self.substrate.address(running[0])))

    def ask(
        self,
        instance: Instance,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> Any:
        """Return the JSON answer of an instance's operator endpoint, asked with `token`, by default the operators'.

        Raise Refused if the system refuses the token, PortError if anything else fails.
        """
        used = self.token if token is None else token
        return operator_client.ask(self.substrate.address(instance), method, path, body, used, instance.id)

    def kill(self, instances: Sequence[Instance]) -> None:
        """Kill instances (SIGKILL), all at once, and don't replace them before `heal`."""
        self._desired.mark_killed(instances)
        for instance in instances:
            if self.topology.service(instance.region, instance.service).kind == "links":
                self.links.forget(instance.region)
        run_in_parallel([functools.partial(self.kill_one, instance) for instance in instances])

    def heal(self, services: Sequence[Place]) -> None:
        """Start what is missing of these places, link servers first, and await their databases' catching up.

        A fenced database stays down until `rejoin`. Raise PortError if a start fails.
        """
        self._desired.heal(services)

    def keep_down(self, place: Place) -> Sequence[Instance]:
        """Kill all that runs or starts at the place, and start nothing there before `heal`; return what was running."""
        return self._desired.keep_down(place)

    def replacing(self, place: Place) -> AbstractContextManager[None]:
        """Return a context in which one instance of the place is being replaced, so that its death isn't repaired."""
        return self._desired.reconciler.replacing(place)

    def lose(self, region: str, *, destroy: bool) -> None:
        """Kill everything in the region, its database first, whose unsent data is lost; destroy volumes if `destroy`.

        Raise PortError if the substrate can't destroy volumes.
        """
        self._desired.mark_lost(region, True)
        with network_effects.dropping_replication(self.links, self.topology, region, self.delay):
            self.kill(self.instances(self.kind_of("database"), region))
        self.kill(self.instances(region=region))
        if destroy:
            if not isinstance(self.substrate, Volumes):
                raise PortError(
                    f"the {self.substrate.name} substrate can't destroy volumes: use volumes: keep"
                )
            self.substrate.destroy_volumes(region)

    def bring_back(self, region: str) -> None:
        """Start everything of a lost region again, except a fenced database, which waits for `rejoin`."""
        self._desired.mark_lost(region, False)
        self.heal([(s.region, s.name) for s in self.topology.services if s.region == region])

    def isolate(self, region: str) -> None:
        """Drop all packets between the region and the rest: at its networks on Docker, else at its links."""
        if isinstance(self.substrate, Isolation):
            self.substrate.isolate(region)
            return
        network_effects.black_hole(self.links, self.topology, region)

    def join(self, region: str) -> None:
        """Revert `isolate`. Idempotent."""
        if isinstance(self.substrate, Isolation):
            self.substrate.join(region)
            return
        network_effects.remove_black_hole(self.links, self.topology, region)

    def revive(self, instance: Instance) -> None:
        """Restart an instance that died by itself, with back-off, until it runs or isn't wanted any more.

        A database isn't restarted: its operators decide whether to restart it or to promote another.
        """
        self._desired.revive(instance)

    def reset_back_off(self) -> None:
        """Forget all deaths so far: they delay no later restart."""
        self._desired.reconciler.reset_back_off()

    def await_caught_up(self, region: str) -> None:
        """Wait until the region's database has caught up with the primary; no-op at the primary itself.

        Raise PortError if it hasn't after 60 s.
        """
        if region != self.primary():
            standby = functools.partial(self.database, region)
            postgres_admin.await_caught_up(
                self.database(self.primary()), standby, region, CATCH_UP_S, self.closing
            )
            self.log(ReplicaCaughtUp(region))

    def start(self, service: Service, release: str = "") -> Instance:
        """Start an instance; see `InstanceStarter.start`."""
        return self._starter.start(service, release)

    def stop(self, instance: Instance, grace: float) -> None:
        """Stop an instance within `grace` seconds, and journal whether it ended by itself or had to be killed."""
        if self.substrate.stop(instance, grace):
            self.log(InstanceStopped(instance.id, **_place(instance)))
        else:
            why = f"didn't end within {grace:g} s of being told to, and was killed"
            self.log(InstanceKilled(instance.id, **_place(instance), why=why))

    def is_lost(self, region: str) -> bool:
        """Return True if the region is lost and not back yet."""
        return region in self._desired.lost

    def build_release(self, release: str) -> Release:
        """Make a release ready to run; see `InstanceStarter.build`."""
        return self._starter.build(release)

    def kill_one(self, instance: Instance) -> None:
        """Kill an instance and journal it; unlike `kill`, it may be started again at once."""
        self.substrate.kill(instance)
        self.log(InstanceKilled(instance.id, **_place(instance)))

    def log_ready(self, instance: Instance) -> None:
        """Journal that the instance is ready."""
        self.log(InstanceReady(instance.id, **_place(instance)))

    def log_link_server(self, instance: Instance) -> None:
        """Journal where a link server answers, so that its faults can be reverted if this process dies."""
        host, port = self.substrate.address(instance)
        self.log(LinkServerReady(instance.region, host=host, port=port))


def _place(instance: Instance) -> dict[str, Any]:
    """Return what every journal event of an instance says about it."""
    return {"service": instance.service, "region": instance.region, "release": instance.release}
