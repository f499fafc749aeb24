"""Execution of operations: shift traffic, promote and rejoin databases, restart, switch flags.

Deploys and rollbacks are in `deploy_and_rollback`.

Each operation uses the operators' own interfaces: the edge's endpoints, the database, and the substrate out of band.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from gameday.host.waiting import NotInTime, wait_until
from gameday.operations import Operation, OperationKind
from gameday.ports import Instance, PortError
from gameday.recording.journal_events import (
    DatabasePromoted,
    FenceConfirmed,
    Note,
    TrafficDrained,
    TrafficReturned,
)
from gameday.registries import OPERATIONS
from gameday.system import postgres_admin
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.leadership.operation_conflicts import DatabaseOperations
from gameday.system.settings import drained_regions, feature_flags, operator_settings
from gameday.system.system import System

AWAIT_EDGE_S = 5.0
EDGE_POLL_S = 0.1
MAX_PARALLEL = 16
"""How many instances take a flag at once, so that one that hangs doesn't delay the others."""


@dataclass
class OperationExecutor:
    """Executes operations on the system; rollbacks go through its deployer."""

    deployer: Deployer

    def __post_init__(self) -> None:
        self._on_databases = DatabaseOperations(self.system.kind_of("database"))

    @property
    def system(self) -> System:
        """The system that the operations act on."""
        return self.deployer.system

    def execute(self, operation: Operation, change: str) -> str | None:
        """Execute an operation; return the id of the change that it rolled back, if any. Raise PortError if it fails.

        `change` is the id for the change that a rollback makes. Raise PortError, too, if an operation under way on the
        databases excludes this one, and ExtensionError if a plug-in's kind is broken.
        """
        try:
            kind: OperationKind = OPERATIONS[operation.name]
        except KeyError as error:
            raise PortError(f"there is no operation {operation.name!r}: {', '.join(OPERATIONS)}") from error
        with self._on_databases.claim(operation, self.system.primary()):
            return kind.execute(self, operation, change)

    def find_change(self, operation: Operation) -> str:
        """Return the change that a rollback names, else the service's latest change that can be rolled back."""
        if operation.change is not None:
            if operation.change not in {change.id for change in self.deployer.feed()}:
                raise PortError(f"there is no change {operation.change!r}")
            return operation.change
        candidates = [
            change.id
            for change in self.deployer.feed()
            if change.service == operation.target
            and change.rollback_of is None
            and change.state in ("running", "done")
        ]
        if not candidates:
            raise PortError(f"no change of {operation.target!r} can be rolled back")
        return candidates[-1]

    def promote(self, region: str) -> None:
        """Promote the region's standby, or the most advanced one if none is named or the named one is behind.

        Stop the old primary out of band first and confirm it, since two databases that take writes would diverge. A
        standby may lack what another one has confirmed, so a standby that is behind is never promoted. All databases
        learn of the new term before the promotion. Raise PortError if the old primary can't be stopped, or no standby
        can be reached.
        """
        old = self.system.primary()
        if region:
            self.check_region(region)
        if region in ("", old) and self._waits_for_promotion(old):
            self._lead(old, instead_of=old)
            return
        if region == old:
            raise PortError(f"the database of {old} is the primary already")
        self.system.database(region or self._most_advanced_standby(old, region))
        self.fence(old)
        chosen = self._most_advanced_standby(old, region)
        if region and chosen != region:
            self._note(f"{chosen} is promoted: the database of {region} is behind it")
        self._lead(chosen, instead_of=old)

    def _waits_for_promotion(self, region: str) -> bool:
        """Return True if the region's database was given the leadership and its promotion failed."""
        with suppress(PortError):
            return not postgres_admin.takes_writes(self.system.database(region))
        return False

    def _lead(self, region: str, *, instead_of: str) -> None:
        """Give the leadership to a standby and promote it.

        From the record on, a restart of the old primary is told that it doesn't lead, even if the promotion fails now
        and happens later.
        """
        address = self.system.database(region)
        term = self.system.leadership.give_to(region)
        for other in self.system.topology.regions:
            if other not in (region, instead_of) and not self.system.is_lost(other):
                with suppress(PortError):
                    postgres_admin.announce_term(self.system.database(other), term)
        postgres_admin.announce_term(address, term)
        postgres_admin.promote(address)
        if postgres_admin.stop_waiting_for_standbys(address):
            self._note("no standby is left: commits no longer wait for one")
        self.deployer.log(DatabasePromoted(region, instead_of=instead_of))

    def fence(self, region: str) -> None:
        """Stop the region's database by the substrate until `rejoin`. Raise PortError if it still runs."""
        self.system.fenced.add(region)
        name = self.system.kind_of("database")
        running = self.system.keep_down((region, name)) if name else ()
        if self.system.instances(name, region):
            self.system.fenced.discard(region)
            raise PortError(f"the database of {region} could not be stopped: nothing is promoted")
        self.deployer.log(FenceConfirmed(region, stopped=tuple(instance.id for instance in running)))

    def rejoin(self, region: str) -> None:
        """Let the region's database follow the primary again, then return the region's traffic.

        Raise PortError if the region is lost, or its database can't be started or doesn't catch up.
        """
        if self.system.is_lost(region):
            raise PortError(f"{region} is not back yet")
        name = self.system.kind_of("database")
        if name is not None:
            self.system.fenced.discard(region)
            if self.system.instances(name, region):
                self.system.await_caught_up(region)
            else:
                self.system.heal([(region, name)])
                if not self.system.instances(name, region):
                    raise PortError(f"the database of {region} was stopped while it started")
        self.shift_traffic("undrain", region)

    def restart(self, service: str) -> None:
        """Kill and start every instance of the service; of the database only the primary, and lift its fence.

        Raise PortError if there is no such service, or an instance doesn't start.
        """
        region = self.system.primary() if service == self.system.kind_of("database") else None
        running = self.system.instances(service, region)
        places = [
            (s.region, s.name) for s in self.system.topology.places(service) if region in (None, s.region)
        ]
        if not places:
            raise PortError(f"there is no service {service!r}")
        self.system.kill(running)
        if region:
            self.system.fenced.discard(region)  # a failed promotion may have left it fenced
        self.system.heal(places)

    def switch_flag(self, text: str) -> None:
        """Switch a feature flag, `name=on` or `name=off`, on every instance that has flags and on later ones.

        Raise PortError if a running instance didn't take it; the others have it all the same.
        """
        name, _, value = text.partition("=")
        values = {name: value in ("", "on", "true")}
        results: dict[str, PortError | None] = {}
        while new := [instance for instance in self._with_flags() if instance.id not in results]:
            with ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="flag") as pool:
                errors = pool.map(partial(self._send_flag, values=values), new)
                results |= zip([instance.id for instance in new], errors, strict=True)
        running = {instance.id for instance in self._with_flags()}
        failures = [error for instance, error in results.items() if error and instance in running]
        if failures:
            raise failures[0]
        if not results:
            raise PortError(f"no running instance supports feature flags; {name} was not changed")

    def _send_flag(self, instance: Instance, values: Mapping[str, bool]) -> PortError | None:
        """Send a flag; return the error if that fails. From the first success on, new instances start with it."""
        self.system.altered |= {f"flag {name}" for name in values}
        try:
            self.system.ask(instance, "POST", feature_flags.PATH, values)
        except PortError as error:
            return error
        self.system.settings.flags.switch(values)
        return None

    def _with_flags(self) -> list[Instance]:
        """Return the running instances that support feature flags."""
        places = {
            (service.region, service.name)
            for service in self.system.topology.services
            if operator_settings.has(service, self.system.settings.flags.variable)
        }
        return [
            instance for instance in self.system.instances() if (instance.region, instance.service) in places
        ]

    def shift_traffic(self, action: str, region: str) -> None:
        """`drain` or `undrain` a region at every edge, and at those that start later.

        Raise PortError if a running edge didn't take it; if none did, later ones don't get it either.
        """
        drained, note = action == "drain", f"{region} drained"
        self.system.altered.add(note) if drained else self.system.altered.discard(note)
        before = self.system.settings.drained.set(region, drained)
        results: dict[str, PortError | None] = {}
        try:
            # An edge may end while it is asked: then another one is awaited.
            while all(results.values()):
                for edge in self._edges():
                    results[edge.id] = self._shift_at(edge, region, drained)
                running = {edge.id for edge in self.system.instances(self.system.kind_of("router"))}
                if errors := [error for edge, error in results.items() if error and edge in running]:
                    raise errors[0]
        finally:
            if all(results.values()):
                self.system.settings.drained.set(region, before)
        self.deployer.log(TrafficDrained(region) if drained else TrafficReturned(region))

    def _shift_at(self, edge: Instance, region: str, drained: bool) -> PortError | None:
        """Shift a region's traffic at one edge; return the error if that fails."""
        path, body = drained_regions.request(region, drained)
        try:
            self.system.ask(edge, "POST", path, body)
        except PortError as error:
            return error
        return None

    def _edges(self) -> list[Instance]:
        """Return the running edges, awaiting one for 5 s. Raise PortError if none runs by then."""
        missing = "no edge runs that could shift traffic"

        def edges() -> list[Instance]:
            return list(self.system.instances(self.system.kind_of("router")))

        def pause(seconds: float) -> None:
            if self.system.closing.wait(seconds):
                raise PortError(missing)

        try:
            return wait_until(edges, AWAIT_EDGE_S, missing, every=EDGE_POLL_S, pause=pause)
        except NotInTime:
            raise PortError(missing) from None

    def _most_advanced_standby(self, old: str, preferred: str) -> str:
        """Return the region whose standby has received most, the preferred one among equals."""
        standbys: list[tuple[int, bool, str]] = []
        for region in self.system.topology.regions:
            if region != old and not self.system.is_lost(region):
                with suppress(PortError):
                    received = postgres_admin.received(self.system.database(region))
                    if received >= 0:
                        standbys.append((received, region == preferred, region))
        if not standbys:
            raise PortError("no standby can be reached: nothing to promote")
        return max(standbys)[2]

    def check_region(self, region: str) -> None:
        if region not in self.system.topology.regions:
            raise PortError(f"unknown region {region!r}; known: {', '.join(self.system.topology.regions)}")

    def _note(self, text: str) -> None:
        self.deployer.log(Note(text=text, by="gameday"))
