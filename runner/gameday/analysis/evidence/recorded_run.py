"""A run as it lies on disk, read once: scenario, journal, samples, the load's plan, what the system of record said of
the orders and the third party of its charges, and how far the machine's clocks are known to be off.

Only reading and the stamps that need no judgement; what they mean for users is `clocks`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gameday.analysis.audit.ledger import Ledger, Product, read_ledger, read_stock
from gameday.analysis.audit.order_table import Orders, read_orders
from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.evidence.run_history import (
    RecordedAlert,
    RecordedChange,
    RecordedFault,
    RecordedOperation,
    RunHistory,
)
from gameday.analysis.evidence.schedule import Schedule
from gameday.analysis.impact.blast_radius import Homes, read_homes
from gameday.recording.event import Event
from gameday.recording.journal_events import ChangeStarted, FaultIntended, RunEnded, RunStarted, RunStopped
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

    @cached_property
    def journal(self) -> RunHistory:
        """The events by their types, indexed once."""
        return RunHistory(self.events)

    @property
    def faults(self) -> tuple[RecordedFault, ...]:
        return self.journal.faults

    @property
    def changes(self) -> tuple[RecordedChange, ...]:
        return self.journal.changes

    @property
    def operations(self) -> tuple[RecordedOperation, ...]:
        return self.journal.operations

    @property
    def alerts(self) -> tuple[RecordedAlert, ...]:
        return self.journal.alerts

    @cached_property
    def started(self) -> RunStarted | None:
        """The run's first event; None if the journal lost it."""
        return self.journal.first(RunStarted)

    @cached_property
    def id(self) -> str:
        return self.started.run if self.started else ""

    @cached_property
    def end(self) -> float:
        """When the load was told to stop; answers to everything planned before are in the samples."""
        for event in (self.journal.phase("down"), self.journal.first(RunEnded)):
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
        event = self.journal.phase("steady")
        return event.t if event else None

    @cached_property
    def trigger(self) -> FaultIntended | ChangeStarted | None:
        """The first fault that the timeline ordered; if there is none, the first change that it shipped."""
        if self.faults:
            return self.faults[0].intended
        return next((change.started for change in self.changes if change.started.by == "timeline"), None)

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
    def stopped(self) -> RunStopped | None:
        """The abort condition of the scenario that ended the run; None if none did."""
        return self.journal.first(RunStopped)

    @cached_property
    def judged(self) -> bool:
        """Whether the run went on until its end could be judged: nothing broke it off."""
        event = self.journal.first(RunEnded)
        return event is not None and event.reason in JUDGED_REASONS


def read_run(folder: Path) -> Run:
    """Reads the folder of a run. Raises ValueError or gameday.scenario.yaml_document.Invalid where a file isn't what it should be."""
    events = read_events(folder / "journal.jsonl")
    started = RunHistory(events).first(RunStarted)
    run = started.run if started else ""
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
