"""Carries out what an operator can do besides shipping: shift traffic, promote a database, take a region in again.

Each operation goes by the operators' own doors: the edge's endpoints, the database's, and the substrate's out of band.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from gameday.operations import Operation
from gameday.ports import Instance, PortError
from gameday.system import feature_flags, postgres_admin
from gameday.system.deployer import Operator
from gameday.system.system import System

EDGE_TRIES_S = 5.0
AT_ONCE = 16
"""Instances that are told of a flag in parallel: one that hangs must not keep it from the others."""


@dataclass
class Recovery:
    """An operator's hands, for what no change comes of but by `rollback`."""

    operator: Operator

    @property
    def system(self) -> System:
        return self.operator.system

    def carry(self, operation: Operation, change: str) -> str | None:
        """Does it; returns the change that was taken back, if any. Raises PortError.

        `change` is the id for a change that comes of it.
        """
        if operation.name == "rollback":
            taken = self._change(operation)
            self.operator.rollback(change, taken, operation.by)
            return taken
        match operation.name:
            case "failover":
                self._region(operation.target)
                self._traffic("drain", operation.target)
            case "promote":
                self.promote(operation.target)
            case "rejoin":
                self._region(operation.target)
                self.rejoin(operation.target)
            case "restart":
                self.restart(operation.target)
            case "flag":
                self.flag(operation.target)
            case _:  # acknowledgements and notes are words alone
                pass
        return None

    def _change(self, operation: Operation) -> str:
        """The change that a rollback takes back: the one named, or the latest of the service that stands."""
        if operation.change is not None:
            if operation.change not in {each.id for each in self.operator.feed()}:
                raise PortError(f"there is no change {operation.change!r}")
            return operation.change
        standing = [
            each.id
            for each in self.operator.feed()
            if each.service == operation.target
            and each.rollback_of is None
            and each.state in ("running", "done")
        ]
        if not standing:
            raise PortError(f"no change of {operation.target!r} stands that could be rolled back")
        return standing[-1]

    def promote(self, region: str) -> None:
        """A standby takes the writes: the region's where one is named and none is ahead of it, else the most advanced.

        The old primary is stopped out of band first, and confirmed: two that take writes would tear the orders apart.
        What one standby has confirmed may be missing from another, so nobody who is behind is promoted.
        """
        old = self.system.primary()
        if region:
            self._region(region)
        if region == old:
            raise PortError(f"the database of {old} is the primary already")
        self.system.database(region or self._most_advanced(old, region))
        self.fence(old)
        chosen = self._most_advanced(old, region)
        if region and chosen != region:
            text = f"{chosen} is promoted: the database of {region} is behind it"
            self.operator.log("note", "", {"text": text, "by": "gameday"})
        address = self.system.database(chosen)
        postgres_admin.promote(address)
        self.system.promoted(chosen)
        if postgres_admin.stop_waiting(address):
            text = "no standby is left: commits no longer wait for one"
            self.operator.log("note", "", {"text": text, "by": "gameday"})
        self.operator.log("database.promoted", chosen, {"instead_of": old})

    def fence(self, region: str) -> None:
        """The region's database is stopped for sure, by the substrate, and stays so until `rejoin`."""
        self.system.fenced.add(region)
        name = self.system.kind_of("database")
        running = self.system.stop_for_good((region, name)) if name else ()
        if self.system.instances(name, region):
            self.system.fenced.discard(region)
            raise PortError(f"the database of {region} could not be stopped: nothing is promoted")
        self.operator.log("fence.confirmed", region, {"stopped": [each.id for each in running]})

    def rejoin(self, region: str) -> None:
        """The region's database follows the primary again, and the edge sends traffic there."""
        if self.system.is_lost(region):
            raise PortError(f"{region} is not back yet")
        name = self.system.kind_of("database")
        if name is not None:
            self.system.fenced.discard(region)
            if self.system.instances(name, region):
                self.system.caught_up(region)
            else:
                self.system.heal([(region, name)])
                if not self.system.instances(name, region):
                    raise PortError(f"the database of {region} was stopped while it started")
        self._traffic("undrain", region)

    def restart(self, service: str) -> None:
        """Every instance of the service, or the primary's where it is the database: killed and started again."""
        region = self.system.primary() if service == self.system.kind_of("database") else None
        running = self.system.instances(service, region)
        places = [
            (s.region, s.name) for s in self.system.topology.places(service) if region in (None, s.region)
        ]
        if not places:
            raise PortError(f"there is no service {service!r}")
        self.system.kill(running)
        if region:
            self.system.fenced.discard(region)  # a promotion that failed may have left it so
        self.system.heal(places)

    def flag(self, text: str) -> None:
        """`name=on` or `name=off`, told to every instance that has flags, and to those that start later.

        Raises PortError where one that runs couldn't be told; the others are all the same.
        """
        name, _, value = text.partition("=")
        values = {name: value in ("", "on", "true")}
        told: dict[str, PortError | None] = {}
        while new := [each for each in self._with_flags() if each.id not in told]:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="flag") as pool:
                told |= zip(
                    [each.id for each in new], pool.map(partial(self._told, values=values), new), strict=True
                )
        running = {each.id for each in self._with_flags()}
        errors = [error for each, error in told.items() if error and each in running]
        if errors or not told:
            raise errors[0] if errors else PortError(f"nobody runs who has flags: {name} is not switched")

    def _told(self, instance: Instance, values: Mapping[str, bool]) -> PortError | None:
        """The first one that takes the switch makes it stand: whoever starts from then on begins with it."""
        self.system.altered |= {f"flag {name}" for name in values}
        try:
            self.system.ask(instance, "POST", feature_flags.PATH, values)
        except PortError as error:
            return error
        self.system.flags.switch(values)
        return None

    def _with_flags(self) -> list[Instance]:
        known = {
            (each.region, each.name)
            for each in self.system.topology.services
            if feature_flags.has_flags(each)
        }
        return [each for each in self.system.instances() if (each.region, each.service) in known]

    def _traffic(self, what: str, region: str) -> None:
        drained = f"{region} drained"
        self.system.altered.add(drained) if what == "drain" else self.system.altered.discard(drained)
        for edge in self._edges():
            self.system.ask(edge, "POST", f"/_operator/{what}", {"region": region})
        self.operator.log("traffic.drained" if what == "drain" else "traffic.returned", region, {})

    def _edges(self) -> list[Instance]:
        """The routers; waited for, a moment, where none runs."""
        until = time.monotonic() + EDGE_TRIES_S
        while True:
            found = list(self.system.instances(self.system.kind_of("router")))
            if found:
                return found
            if self.system.closing.wait(0.1) or time.monotonic() > until:
                raise PortError("no edge runs that could shift traffic")

    def _most_advanced(self, old: str, wanted: str) -> str:
        """The region whose standby has received most; of equals the one that is wanted."""
        found: list[tuple[int, bool, str]] = []
        for region in self.system.topology.regions:
            if region != old and not self.system.is_lost(region):
                with suppress(PortError):
                    found.append(
                        (postgres_admin.received(self.system.database(region)), region == wanted, region)
                    )
        if not found:
            raise PortError("no standby can be reached: nothing to promote")
        return max(found)[2]

    def _region(self, region: str) -> None:
        if region not in self.system.topology.regions:
            raise PortError(f"{region!r} is no region: {', '.join(self.system.topology.regions)}")
