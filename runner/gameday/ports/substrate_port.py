"""The Protocol of substrates, their optional capabilities, and what runs on them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from gameday.scenario.own.own_system import CommandSpec
from gameday.topology import Link, Service


@dataclass(frozen=True)
class Release:
    """A version of one service, ready to run: `tree` is a folder for PYTHONPATH, None for the link server."""

    name: str
    service: str
    tree: Path | None


@dataclass(frozen=True)
class Instance:
    """One running instance. `id` is unique in the run, e.g. `us-east.pricing.3`."""

    id: str
    region: str
    service: str
    release: str


class Substrate(Protocol):
    """Where the system runs. `open` makes what instances need; `close` removes everything and returns what is left."""

    name: str

    def open(self) -> None: ...

    def close(self) -> Sequence[str]: ...

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        """Start an instance and return once it is ready. `links`: values of the service's link variables."""
        ...

    def stop(self, instance: Instance, grace: float) -> bool:
        """Ask an instance to end; kill it after `grace` seconds. Return False if it had to be killed."""
        ...

    def kill(self, instance: Instance) -> None: ...

    def pause(self, instance: Instance) -> None: ...

    def resume(self, instance: Instance) -> None: ...

    def instances(self) -> Sequence[Instance]: ...

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Return the instances that ended by themselves since the last call, each with the end of its log."""
        ...

    def address(self, instance: Instance) -> tuple[str, int]:
        """Return host and port at which the runner reaches an instance."""
        ...

    def upstream(self, link: Link) -> str:
        """Return the `host:port` that the caller's link server dials: a name for all instances of the callee."""
        ...

    def listen(self, link: Link) -> str:
        """Return the `host:port` at which the link server is to listen; with port 0 it chooses one."""
        ...

    def entrance(self) -> tuple[str, int]:
        """Return host and port at which clients on this machine reach the topology's entry link.

        It stays the same while the substrate is open. Raise PortError if the topology has no entry link.
        """
        ...

    def link_host(self, link: Link) -> str:
        """Return the host by which the caller reaches its link server."""
        ...


@runtime_checkable
class Limits(Protocol):
    """Optional capability: bounds on one running instance, all lifted by `unlimit`. Units: cores, bytes."""

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None: ...

    def cap_files(self, instance: Instance) -> None:
        """Let no file of the instance grow any more, as on a full disk."""
        ...

    def unlimit(self, instance: Instance) -> None: ...


@runtime_checkable
class Commands(Protocol):
    """Optional capability: commands of the user's act on the system. What undoes one is durable before it runs."""

    def perform(
        self,
        key: str,
        what: str,
        command: CommandSpec,
        undo: CommandSpec | None,
        *,
        stop: threading.Event | None = None,
        values: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command, with `values` for its variables; `undo` reverts it, in this or another process.

        Once `stop` is set, the command is killed. Raise PortError if it fails.
        """
        ...

    def check(self, command: CommandSpec) -> None:
        """Run a command that changes nothing. Raise PortError if it fails."""
        ...

    def undo(self, key: str) -> None:
        """Run what undoes `key`; no-op if that is done or was never needed."""
        ...


@runtime_checkable
class Isolation(Protocol):
    """Optional capability: a region's networks are cut off from all others, until `join`. Both are idempotent."""

    def isolate(self, region: str) -> None: ...

    def join(self, region: str) -> None: ...


@runtime_checkable
class Disks(Protocol):
    """Optional capability: volumes on small file systems of their own, which can be filled."""

    def has_disk(self, region: str, service: str) -> bool:
        """Return True if the service's volume there has one: the topology asks for it, and mounting is permitted."""
        ...

    def fill_disk(self, region: str, service: str) -> None: ...

    def empty_disk(self, region: str, service: str) -> None:
        """Free what `fill_disk` took; idempotent."""
        ...


@runtime_checkable
class Volumes(Protocol):
    """Optional capability: a region's data, which outlives its instances, can be destroyed."""

    def destroy_volumes(self, region: str) -> None: ...
