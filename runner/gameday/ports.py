"""The Protocols between the engine and everything that touches the world; nothing else.

Every call is synchronous, bounded by a time-out of its own, and safe to make from any thread. A failure is `PortError`,
whose text says what failed, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from gameday.operations import Alert, Change, Operation
from gameday.recording.journal_events import LoadStopped
from gameday.recording.samples import Records
from gameday.topology import Link, Service, Topology


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

    def stop(self, instance: Instance, grace: float) -> bool:
        """Asked to end, and killed where it runs `grace` seconds later: False says that it had to be."""
        ...

    def kill(self, instance: Instance) -> None: ...

    def pause(self, instance: Instance) -> None: ...

    def resume(self, instance: Instance) -> None: ...

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


@runtime_checkable
class Limits(Protocol):
    """Optional of a substrate: bounds on one running instance, each lifted by `unlimit`. Units: cores, bytes."""

    def limit(self, instance: Instance, *, cpus: float | None = None, memory: int | None = None) -> None: ...

    def cap_files(self, instance: Instance) -> None:
        """No file of the instance may grow any more: what a full disk is to it."""
        ...

    def unlimit(self, instance: Instance) -> None: ...


@runtime_checkable
class Isolation(Protocol):
    """Optional of a substrate: the networks of a region can be cut off from all others. Both are idempotent."""

    def isolate(self, region: str) -> None: ...

    def join(self, region: str) -> None: ...


@runtime_checkable
class Volumes(Protocol):
    """Optional of a substrate: the data of a region, which outlives its instances, can be destroyed."""

    def destroy_volumes(self, region: str) -> None: ...


class Links(Protocol):
    """Every link server of the system. What is taken back is idempotent; a link server that is gone has no toxics."""

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        """Makes the region's proxies; link name → port listened at. A cut or a toxic that stands is set again."""
        ...

    def cut(self, link: Link) -> None:
        """Connections end, new ones are refused, until `mend`."""
        ...

    def mend(self, link: Link) -> None: ...

    def add_toxic(self, link: Link, toxic: Toxic) -> None:
        """Adds it or, where the link has one of that name, changes it."""
        ...

    def remove_toxic(self, link: Link, name: str) -> None: ...

    def misdirect(self, link: Link) -> None:
        """The callee's address is gone: nothing answers there, until `redirect`."""
        ...

    def redirect(self, link: Link) -> None: ...


@dataclass(frozen=True)
class Toxic:
    """As Toxiproxy has it. `share` of connections, 0..1; `attributes` in its units (ms, KB/s, µs, bytes)."""

    name: str
    type: str
    stream: Literal["upstream", "downstream"] = "downstream"
    share: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)


class System(Protocol):
    """The system under test as faults and operations see it: `gameday.system.system`. Calls may block; each has its time-out.

    What takes something back does nothing where there is nothing to take back.
    """

    @property
    def topology(self) -> Topology: ...

    @property
    def substrate(self) -> Substrate: ...

    @property
    def links(self) -> Links: ...

    def instances(self, service: str | None = None, region: str | None = None) -> Sequence[Instance]:
        """Those that run now; of the edge's pseudo-region too."""
        ...

    def primary(self) -> str:
        """The region whose database takes writes, or took them last."""
        ...

    def kill(self, instances: Sequence[Instance]) -> None:
        """SIGKILL, all at once. Nothing restarts them before `heal`."""
        ...

    def heal(self, services: Sequence[tuple[str, str]]) -> None:
        """Starts what is missing of these (region, service), link servers first. Databases are let catch up."""
        ...

    def lose(self, region: str, *, destroy: bool) -> None:
        """Kills everything in the region at once, its link server included; volumes kept or destroyed."""
        ...

    def bring_back(self, region: str) -> None:
        """Starts everything of a lost region again; a database that was replaced as primary waits for `rejoin`."""
        ...

    def isolate(self, region: str) -> None:
        """Cuts every link with exactly one end in the region; where the substrate can, its networks as well."""
        ...

    def join(self, region: str) -> None: ...

    def ask(self, instance: Instance, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of an instance's operator endpoint (`/_operator/…`). Raises PortError."""
        ...

    def database(self, region: str) -> str:
        """postgresql:// address by which the runner reaches the region's database. Raises PortError where none runs."""
        ...


Wait = Callable[[float], bool]
"""Waits so many seconds; False at once when the run is being ended."""


class Fault(Protocol):
    """What a scenario does to the system. `undo` is plain JSON data from which `gameday.faults.rebuild` makes it again.

    `inject` returns when the system has confirmed it (a ramp: its end). `revert` is idempotent, also after a failed or
    cut-short `inject`. Both raise PortError.
    """

    target: str

    def undo(self) -> Mapping[str, Any]: ...

    def inject(self, wait: Wait) -> None: ...

    def revert(self) -> None: ...


@dataclass(frozen=True)
class Arena:
    """Where faults act."""

    system: System
    load: Load


class Load(Protocol):
    """Sends the planned requests to the edge."""

    def start(self, target: str) -> float:
        """Begins; returns the planned time of the first request, seconds since the run's start."""
        ...

    def stop(self) -> LoadStopped:
        """End sending, wait for answers up to the time-out, close the shards; return the journal's event."""
        ...

    def alive(self) -> str | None:
        """None while the workers run, else why not."""
        ...

    def surge(self, factor: float) -> None:
        """From now on `factor` times the planned rate; 1 is as planned."""
        ...

    def retry(self, attempts: int) -> None:
        """From now on clients try a failed request again, up to so many times at once; 0 is as planned."""
        ...

    def shards(self) -> Sequence[Path]: ...


class Detector(Protocol):
    """A fold over single outcomes in arrival order."""

    def observe(self, t: float, good: bool) -> bool:
        """True when this outcome raises the alarm; it stays quiet from then until `reset`."""
        ...

    def reset(self) -> None: ...


@dataclass(frozen=True)
class Health:
    """A region as the edge sees it: `up` its gateway answers, `database` its services can write, `drained` by hand.

    `since`: how long it has been so, in seconds.
    """

    up: bool
    database: bool
    drained: bool
    since: float


class Sight(Protocol):
    """Follows what the edge's checks say of the regions."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def regions(self) -> Mapping[str, Health]:
        """The last answer; empty before the first and where the last one is too old."""
        ...


@dataclass(frozen=True)
class View:
    """All that a responder sees: never the fault."""

    now: float
    alerts: Sequence[Alert] = ()
    changes: Sequence[Change] = ()
    operations: Sequence[tuple[Operation, str]] = field(default=())
    """Every operation so far with its state: running, done, failed."""
    regions: Mapping[str, Health] = field(default_factory=dict)
    """What the edge's checks say of each region; empty before the first answer."""
    primary: str = ""
    """The region whose database takes writes, as the operators' own records say."""


class Responder(Protocol):
    """Decides what to do about alerts; the engine executes and stamps."""

    kind: str
    policy: str | None

    def poll(self, view: View) -> Sequence[Operation]: ...


class Telemetry(Protocol):
    """Watches samples and scrapes, feeds the detectors, says what it saw."""

    def start(
        self, shards: Sequence[Path], addresses: Callable[[], Mapping[str, tuple[str, int]]]
    ) -> None: ...

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
