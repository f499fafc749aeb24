"""A system of one's own, as timeline, operations and teardown see it: its substrate does all the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from gameday.ports import Instance, Release, Substrate
from gameday.recording.journal_events import InstanceStopped
from gameday.system.reconciler import Place
from gameday.system.system import System

RETURN_S = 0.5


class AdoptedSubstrate(Substrate, Protocol):
    """The substrate of a system of one's own: it also knows how to bring missing instances back."""

    def restored(self) -> bool:
        """Return True if the system is as it was found."""
        ...

    def revive(self, place: Place) -> Sequence[Instance]:
        """Start the place's stopped instances; return those that it started."""
        ...


class AdoptedSystem(System):
    """A `System` whose instances gameday didn't make. Nothing restarts them but its own restart policies."""

    @property
    def adopted(self) -> AdoptedSubstrate:
        """The substrate, with what it can do beyond `Substrate`."""
        return cast(AdoptedSubstrate, self.substrate)

    def bring_up(self) -> None:
        """Bring up, or wait for, the system; journal its instances. Raise PortError if it isn't ready in time."""
        with self.startup.starting("the system"):
            self.substrate.open()
        for instance in self.instances():
            self.log_ready(instance)

    def restored(self) -> bool:
        """Return True if the system is as it was found."""
        return self.adopted.restored()

    def build_release(self, release: str) -> Release:
        """Return the release by name: it is built by its owners."""
        return Release(release, "", None)

    def kill(self, instances: Sequence[Instance]) -> None:
        """Kill instances, which stay down until `heal`."""
        for instance in instances:
            self.kill_one(instance)

    def heal(self, services: Sequence[Place]) -> None:
        """Start the stopped instances of these places again. Raise PortError."""
        for place in services:
            for instance in self.adopted.revive(place):
                self.log_ready(instance)

    def revive(self, instance: Instance) -> None:
        """Wait until an instance that died runs again: its own restart policy restarts it, or it stays down."""
        while not self.closing.wait(RETURN_S):
            if instance.id in {running.id for running in self.instances()}:
                self.log_ready(instance)
                return

    def log_replaced(self, before: Sequence[Instance], service: str) -> None:
        """Journal the instances of a service that a change has ended and started; `before` are those before it."""
        now = self.instances(service)
        for old in before:
            if old.id not in {instance.id for instance in now}:
                self.log(InstanceStopped(old.id, service=old.service, region=old.region, release=old.release))
        for new in now:
            if new.id not in {instance.id for instance in before}:
                self.log_ready(new)
