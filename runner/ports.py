"""The Protocols between the engine and everything that touches the world; nothing else.

Every call is synchronous, bounded by a time-out of its own, and safe to make from any thread. A failure is `PortError`,
whose text says what failed, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.operations import Alert, Change, Operation
from runner.samples import Records
from runner.topology import Link, Service


class PortError(Exception):
    """The tool or the substrate failed (exit status 4)."""


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
    """Where the system runs. `open` makes what instances need; `close` takes all down and says what it couldn't."""

    name: str

    def open(self) -> None: ...

    def close(self) -> Sequence[str]: ...

    def start(self, service: Service, release: Release, links: Mapping[str, str]) -> Instance:
        """Returns once ready. `links`: values of the service's link variables."""
        ...

    def stop(self, instance: Instance, grace: float) -> None: ...

    def kill(self, instance: Instance) -> None: ...

    def pause(self, instance: Instance) -> None: ...

    def resume(self, instance: Instance) -> None: ...

    def isolate(self, region: str) -> None: ...

    def join(self, region: str) -> None: ...

    def instances(self) -> Sequence[Instance]: ...

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Instances that ended by themselves since the last call, each with the end of its log."""
        ...

    def address(self, instance: Instance) -> tuple[str, int]:
        """Host and port at which the runner reaches it."""
        ...

    def upstream(self, link: Link) -> str:
        """`host:port` by which the caller region's link server dials the callee: a name for all its instances."""
        ...

    def listen(self, link: Link) -> str:
        """`host:port` at which the link server is to listen; port 0 lets it choose."""
        ...

    def link_host(self, link: Link) -> str:
        """The host by which the caller reaches its link server."""
        ...


class Links(Protocol):
    """Every link server of the system."""

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        """Makes the region's proxies; link name → port listened at."""
        ...


class Fault(Protocol):
    """What a scenario does to the system. `revert` is idempotent and can be rebuilt from `undo()` alone."""

    def undo(self) -> Mapping[str, Any]: ...

    def inject(self) -> None: ...

    def revert(self) -> None: ...


class Load(Protocol):
    """Sends the planned requests to the edge."""

    def start(self, target: str) -> float:
        """Begins; returns the planned time of the first request, seconds since the run's start."""
        ...

    def stop(self) -> Mapping[str, Any]:
        """Ends sending, waits for answers up to the time-out, closes the shards; {clean, why}."""
        ...

    def alive(self) -> str | None:
        """None while the workers run, else why not."""
        ...

    def shards(self) -> Sequence[Path]: ...


class Detector(Protocol):
    """A fold over single outcomes in arrival order."""

    def observe(self, t: float, good: bool) -> bool:
        """True when this outcome raises the alarm; it stays quiet from then until `reset`."""
        ...

    def reset(self) -> None: ...


@dataclass(frozen=True)
class View:
    """All that a responder sees: never the fault."""

    now: float
    alerts: Sequence[Alert] = ()
    changes: Sequence[Change] = ()
    operations: Sequence[tuple[Operation, str]] = field(default=())
    """Every operation so far with its state: running, done, failed."""


class Responder(Protocol):
    """Decides what to do about alerts; the engine executes and stamps."""

    kind: str
    policy: str | None

    def poll(self, view: View) -> Sequence[Operation]: ...


class Telemetry(Protocol):
    """Watches samples and scrapes, feeds the detectors, says what it saw."""

    def start(self, shards: Sequence[Path], addresses: Callable[[], Mapping[str, tuple[str, int]]]) -> None: ...

    def poll(self, now: float) -> Sequence[Alert]:
        """Reads what is new; alerts newly raised."""
        ...

    def calibrate(self, since: float) -> None:
        """Sets each detector's p0 from the outcomes since `since`."""
        ...

    def rearm(self, since: float) -> None:
        """Quiet detectors may raise again, on requests planned at or after `since`."""
        ...

    def records(self) -> Records:
        """All records so far, sorted by planned time."""
        ...

    def stop(self) -> None: ...
