"""The substrate of an external system: it is there already, and only the user's commands act on it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from gameday.ports import Instance, PortError, Release
from gameday.recording.undo_list import UndoList
from gameday.scenario import System as SystemSpec
from gameday.substrates.external.readiness_probe import await_ready
from gameday.substrates.external.user_commands import UserCommands
from gameday.topology import Link, Service, Topology

PORTS = {"http": 80, "https": 443}


class ExternalSubstrate(UserCommands):
    """Implements `ports.Substrate` and `ports.Commands`. Each service counts as one instance, whose release is known.

    `folder` is the run's, in which the undo list is.
    """

    name = "external"

    def __init__(self, run: str, topology: Topology, spec: SystemSpec, folder: Path) -> None:
        self._spec = spec
        self._target = entry_url(spec)
        values = {"run": run, "target": self._target, "region": spec.regions[0]}
        super().__init__(UndoList(folder), Path(spec.folder or "."), values)
        self._closing = threading.Event()
        self._generations = {service.name: 1 for service in topology.services}
        self._running = {
            service.name: Instance(f"{service.id}.1", service.region, service.name, service.release or "")
            for service in topology.services
        }

    def open(self) -> None:
        """Wait until the system is ready. Raise PortError if it isn't in time."""
        self.await_ready()

    def await_ready(self, stop: threading.Event | None = None) -> None:
        """Wait until the probe answers with a status below 400, or `stop` is set.

        Raise PortError if the system isn't ready within `ready.within`.
        """
        await_ready(self._spec.ready, self._target, self._values, self._folder, self._closing, stop)

    def ship(self, key: str, change: Mapping[str, Any] | None, service: str, release: str) -> None:
        """Record that the service runs a release now: commands have shipped it. `change` is always None."""
        old = self._running[service]
        self._generations[service] += 1
        place = old.id.rpartition(".")[0]
        new = Instance(f"{place}.{self._generations[service]}", old.region, service, release)
        self._running[service] = new

    def close(self) -> Sequence[str]:
        """Undo all that is left; return what couldn't be undone. The system itself stays as it is."""
        self._closing.set()
        return self.undo_all()[1]

    def restored(self) -> bool:
        """Return True if nothing is left to be undone."""
        return not self._undo.entries()

    def instances(self) -> Sequence[Instance]:
        return list(self._running.values())

    def died(self) -> Sequence[tuple[Instance, str]]:
        return ()

    def entrance(self) -> tuple[str, int]:
        """Return host and port of the target."""
        parts = urlsplit(self._target)
        return parts.hostname or "", parts.port or PORTS[parts.scheme]

    def revive(self, place: tuple[str, str]) -> Sequence[Instance]:
        self._refuse()

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        self._refuse()

    def stop(self, instance: Instance, grace: float) -> bool:
        self._refuse()

    def kill(self, instance: Instance) -> None:
        self._refuse()

    def pause(self, instance: Instance) -> None:
        self._refuse()

    def resume(self, instance: Instance) -> None:
        self._refuse()

    def address(self, instance: Instance) -> tuple[str, int]:
        return self.entrance()

    def upstream(self, link: Link) -> str:
        self._refuse()

    def listen(self, link: Link) -> str:
        self._refuse()

    def link_host(self, link: Link) -> str:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise PortError("an external system is acted on by commands only: use the fault `command`")


def entry_url(spec: SystemSpec) -> str:
    """Return the URL at which load enters an external system."""
    if isinstance(spec.entry, str):
        return spec.entry
    assert spec.external is not None
    return spec.external.target
