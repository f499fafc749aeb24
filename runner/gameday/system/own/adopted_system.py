"""A system of one's own, as timeline, operations and teardown see it: its substrate does all the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from gameday.ports import Instance, PortError, Release, Substrate
from gameday.recording.journal_events import InstanceReady, InstanceStopped
from gameday.system.reconciler import Place
from gameday.system.system import System


class AdoptedSubstrate(Substrate, Protocol):
    """The substrate of a system of one's own: it also knows how to bring missing instances back."""

    def restored(self) -> bool:
        """Return True if the system is as it was found."""
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
        """Start the stopped instances of these places again."""
        raise PortError("this system's instances can't be started by gameday")

    def revive(self, instance: Instance) -> None:
        """Do nothing: an instance that died is restarted by its own restart policy, or stays down."""

    def log_replaced(self, old: Instance, new: Instance) -> None:
        """Journal that an instance was replaced by another release's."""
        self.log(InstanceStopped(old.id, service=old.service, region=old.region, release=old.release))
        self.log(InstanceReady(new.id, service=new.service, region=new.region, release=new.release))
