"""Journal events of the system under test: its instances, and what the edge and the operators do with its regions."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class InstanceReady(JournalEvent, kind="instance.ready", subject="instance"):
    """An instance runs and answers."""

    instance: str
    _: KW_ONLY
    service: str
    region: str
    release: str


@dataclass(frozen=True)
class LinkServerReady(JournalEvent, kind="links.ready", subject="region"):
    """The region's link server answers at `host:port`, so that faults on its links can be reverted after a crash."""

    region: str
    _: KW_ONLY
    host: str
    port: int


@dataclass(frozen=True)
class InstanceStopped(JournalEvent, kind="instance.stopped", subject="instance"):
    """An instance ended when asked to."""

    instance: str
    _: KW_ONLY
    service: str
    region: str
    release: str


@dataclass(frozen=True)
class InstanceDied(JournalEvent, kind="instance.died", subject="instance"):
    """An instance ended by itself; `why` is the end of its log."""

    instance: str
    _: KW_ONLY
    service: str
    region: str
    release: str
    why: str


@dataclass(frozen=True)
class InstanceKilled(JournalEvent, kind="instance.killed", subject="instance"):
    """An instance was killed on purpose, or, with `why`, because it didn't end when asked to."""

    instance: str
    _: KW_ONLY
    service: str
    region: str
    release: str
    why: str = ""


@dataclass(frozen=True)
class RegionSeen(JournalEvent, kind="region.seen", subject="region"):
    """What the edge's checks newly say of a region; `database` if its services can write.

    `asynchronous`: orders are acknowledged without a standby though replication is synchronous.
    """

    region: str
    _: KW_ONLY
    up: bool
    database: bool
    drained: bool
    asynchronous: bool = False


@dataclass(frozen=True)
class FenceConfirmed(JournalEvent, kind="fence.confirmed", subject="region"):
    """The region's database doesn't run and won't start before a rejoin; `stopped` names its instances."""

    region: str
    _: KW_ONLY
    stopped: tuple[str, ...]


@dataclass(frozen=True)
class DatabasePromoted(JournalEvent, kind="database.promoted", subject="region"):
    """The region's database takes the writes, which `instead_of` took before."""

    region: str
    _: KW_ONLY
    instead_of: str


@dataclass(frozen=True)
class ReplicaCaughtUp(JournalEvent, kind="replica.caught_up", subject="region"):
    """The region's standby follows the primary closely."""

    region: str


@dataclass(frozen=True)
class TrafficDrained(JournalEvent, kind="traffic.drained", subject="region"):
    """The edge sends no traffic to the region, as an operator asked."""

    region: str


@dataclass(frozen=True)
class TrafficReturned(JournalEvent, kind="traffic.returned", subject="region"):
    """The edge sends traffic to the region again, as an operator asked."""

    region: str


@dataclass(frozen=True)
class EnvironmentDeleted(JournalEvent, kind="environment.deleted", subject="region"):
    """The change deleted the region's environment, volumes included."""

    region: str
    _: KW_ONLY
    change: str
