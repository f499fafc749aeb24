"""A run as it lies on disk, read once: scenario, journal, samples, the load's plan, what the system of record said of
the orders and the third party of its charges, and how far the machine's clocks are known to be off.

Only reading and the stamps that need no judgement; what they mean for users is `clocks`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gameday.analysis.audit.ledger import Ledger, Product, read_ledger, read_stock
from gameday.analysis.audit.order_table import Orders, read_orders
from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.evidence.schedule import Schedule
from gameday.analysis.impact.blast_radius import Homes, read_homes
from gameday.recording.journal import Event
from gameday.recording.samples import HEADER_BYTES, RECORD, Samples, ShardReader, read_samples
from gameday.scenario import Scenario
from gameday.scenario.scenario_file import read_resolved
from gameday.slo import course

CALIBRATION = "gameday/calibration/v1"
JUDGED_REASONS = ("held", "no_effect", "give_up", "stopped")


@dataclass(frozen=True)
class Shard:
    """One file of samples: how many records it says that it has, and how many are there."""

    name: str
    committed: int
    held: int


@dataclass(frozen=True)
class Calibration:
    """By how much the clocks were off at known truth: the 95th percentile, in seconds, on this machine."""

    effect: float
    recovered: float


@dataclass(frozen=True)
class Run:
    """Everything that measurement may look at.

    `orders`, `ledger` and `stock` are None where the system of record or the third party couldn't be asked, `schedule`
    and `homes` where the load's plan isn't there, `calibration` where the machine was never calibrated.
    """

    scenario: Scenario
    events: tuple[Event, ...]
    samples: Samples
    orders: Orders | None
    shards: tuple[Shard, ...] = ()
    schedule: Schedule | None = None
    calibration: Calibration | None = None
    ledger: Ledger | None = None
    stock: tuple[Product, ...] | None = None
    homes: Homes | None = None

    def all(self, *kinds: str) -> tuple[Event, ...]:
        """Events of these kinds, in order of time."""
        return tuple(event for event in self.events if event.kind in kinds)

    def first(self, kind: str, subject: str | None = None, since: float = 0.0) -> Event | None:
        """The first event of a kind, where asked only of one subject, at or after `since`."""
        for event in self.events:
            if event.kind == kind and event.t >= since and subject in (None, event.subject):
                return event
        return None

    @cached_property
    def started(self) -> Mapping[str, object]:
        """What `run.started` says; empty where the journal lost it."""
        event = self.first("run.started")
        return event.data if event else {}

    @cached_property
    def id(self) -> str:
        event = self.first("run.started")
        return event.subject if event else ""

    @cached_property
    def end(self) -> float:
        """When the load was told to stop; answers to everything planned before are in the samples."""
        for event in (self.first("phase", "down"), self.first("run.ended")):
            if event:
                return event.t
        planned = self.samples.records["planned"]
        return float(planned[-1]) if len(planned) else self.last

    @cached_property
    def last(self) -> float:
        """Time of the journal's last event."""
        return max((event.t for event in self.events), default=0.0)

    @cached_property
    def steady_from(self) -> float | None:
        """Begin of the steady state, after the warm-up; None where the run never came so far."""
        event = self.first("phase", "steady")
        return event.t if event else None

    @cached_property
    def trigger(self) -> Event | None:
        """What began it: the first fault that the timeline ordered or, where it has none, its first change."""
        changes = [event for event in self.all("change.started") if event.data.get("by") == "timeline"]
        return self.first("fault.intended") or (changes[0] if changes else None)

    @cached_property
    def broken_before(self) -> tuple[str, ...]:
        """Names of the SLOs in breach between the begin of the steady state and the fault, or the end without one."""
        since, until = self.steady_from, self.trigger.t if self.trigger else self.end
        if since is None or until <= since:
            return ()
        return tuple(
            slo.name for slo in self.scenario.slos if course(slo, self.samples, since, until).outages
        )

    @cached_property
    def stopped(self) -> Event | None:
        """An abort condition of the scenario ended it."""
        return self.first("run.stopped")

    @cached_property
    def judged(self) -> bool:
        """Whether the run went on until its end could be judged: nothing broke it off."""
        event = self.first("run.ended")
        return bool(event and event.data.get("reason") in JUDGED_REASONS)


def read_run(folder: Path) -> Run:
    """Reads the folder of a run. Raises ValueError or gameday.scenario.yaml_document.Invalid where a file isn't what it should be."""
    events = read_events(folder / "journal.jsonl")
    run = next((event.subject for event in events if event.kind == "run.started"), "")
    return Run(
        scenario=read_resolved(folder / "scenario.yaml"),
        events=tuple(events),
        samples=read_samples(folder / "samples"),
        orders=read_orders(folder / "audit.jsonl", run),
        shards=tuple(_shard(path) for path in sorted((folder / "samples").glob("*.shard"))),
        schedule=Schedule.read(folder / "samples" / "load.json"),
        calibration=read_calibration(folder / "calibration.json"),
        ledger=read_ledger(folder / "ledger.jsonl", run),
        stock=read_stock(folder / "stock.jsonl"),
        homes=read_homes(folder / "samples" / "load.json"),
    )


def read_calibration(path: Path) -> Calibration | None:
    """None where the file isn't there. ValueError where it isn't a calibration."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != CALIBRATION:
            raise ValueError(f"its schema is {found['schema']!r}")
        effect, recovered = (
            float(found["beyond_spacing_s"][clock]["p95"]) for clock in ("effect", "recovered")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not {CALIBRATION}: {error!r}") from error
    if not (math.isfinite(effect) and math.isfinite(recovered) and min(effect, recovered) >= 0):
        raise ValueError(f"{path}: an error of {effect:g} s and {recovered:g} s isn't one")
    return Calibration(effect, recovered)


def _shard(path: Path) -> Shard:
    held = max(0, (path.stat().st_size - HEADER_BYTES) // RECORD.itemsize)
    return Shard(path.name, ShardReader(path).count(), held)
