"""Journal events of the load and of reading its samples."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class LoadStarted(JournalEvent, kind="load.started"):
    """The load began to send, `planned_rate` requests/s. `start_s`: seconds until a calibration's load was ready."""

    _: KW_ONLY
    planned_rate: float
    start_s: float | None = None


@dataclass(frozen=True)
class LoadStopped(JournalEvent, kind="load.stopped"):
    """The load ended; `clean` if the worker ended by itself, in time, with nothing lost, else `why` says why not."""

    _: KW_ONLY
    clean: bool | None
    why: str


@dataclass(frozen=True)
class Poll(JournalEvent, kind="poll"):
    """The watch had read `count` records of `shard`."""

    _: KW_ONLY
    shard: str
    count: int


@dataclass(frozen=True)
class LagMeasured(JournalEvent, kind="lag"):
    """Seconds from an answer's end to the poll that saw it, at the 95th percentile of `n`; None if there were none."""

    _: KW_ONLY
    p95_s: float | None
    n: int


@dataclass(frozen=True)
class TelemetryStopped(JournalEvent, kind="telemetry.stopped"):
    """A calibration stopped watching."""
