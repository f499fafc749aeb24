"""A recorded run, read once from its folder: scenario, journal, samples, load plan, orders, charges, calibration.

This module only reads, and takes the stamps that need no judgement. What they mean for users is in `clocks`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gameday.analysis.audit.ledger import Ledger, Product, read_ledger, read_stock
from gameday.analysis.audit.order_table import Orders, read_orders
from gameday.analysis.audit.own_audit_records import OwnRecords, read_own_records
from gameday.analysis.evidence.damage import damage
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
    """One file of samples: the number of records that its header counts, and that the file holds."""

    name: str
    committed: int
    held: int


@dataclass(frozen=True)
class Calibration:
    """Error of the clocks against known outages on this machine: the 95th percentile, in seconds."""

    effect: float
    recovered: float


@dataclass(frozen=True)
class Run:
    """Everything that the analysis sees of a run.

    `orders`, `ledger` and `stock` are None if the system of record or the third party couldn't be asked, `schedule` and
    `homes` if the load's plan is missing, `calibration` if the machine was never calibrated.
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
    damage: tuple[str, ...] = ()
    own_records: OwnRecords | None = None

    @cached_property
    def journal(self) -> RunHistory:
        """Return the events by their types, indexed once."""
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
        """Return the run's first event; None if the journal lost it."""
        return self.journal.first(RunStarted)

    @cached_property
    def id(self) -> str:
        return self.started.run if self.started else ""

    @cached_property
    def end(self) -> float:
        """Return up to when the run is judged: what the engine judged last, or else the load's stop.

        The samples hold the answers to everything planned before.
        """
        ended = self.journal.first(RunEnded)
        if ended is not None and ended.judged is not None:
            return ended.judged
        for event in (self.journal.phase("down"), self.journal.first(RunEnded)):
            if event:
                return event.t
        planned = self.samples.records["planned"]
        return float(planned[-1]) if len(planned) else self.last

    @cached_property
    def last(self) -> float:
        """Return the time of the journal's last event."""
        return max((event.t for event in self.events), default=0.0)

    @cached_property
    def steady_from(self) -> float | None:
        """Return the begin of the steady state, after the warm-up; None if the run never reached it."""
        event = self.journal.phase("steady")
        return event.t if event else None

    @cached_property
    def trigger(self) -> FaultIntended | ChangeStarted | None:
        """Return the first fault that the timeline ordered, or else the first change that it shipped."""
        if self.faults:
            return self.faults[0].intended
        return next((change.started for change in self.changes if change.started.by == "timeline"), None)

    @cached_property
    def broken_before(self) -> tuple[str, ...]:
        """Return the names of the SLOs in breach in steady state before the fault, or before the
        end without a fault."""
        since, until = self.steady_from, self.trigger.t if self.trigger else self.end
        if since is None or until <= since:
            return ()
        return tuple(
            slo.name for slo in self.scenario.slos if course(slo, self.samples, since, until).outages
        )

    @cached_property
    def stopped(self) -> RunStopped | None:
        """Return the abort condition of the scenario that ended the run, or None."""
        return self.journal.first(RunStopped)

    @cached_property
    def judged(self) -> bool:
        """Return True unless the run was interrupted before it could be judged."""
        event = self.journal.first(RunEnded)
        return event is not None and event.reason in JUDGED_REASONS


def read_run(folder: Path) -> Run:
    """Read the folder of a run. Raise ValueError or yaml_document.Invalid if a file isn't valid, OSError if one is missing."""
    events = read_events(folder / "journal.jsonl")
    history = RunHistory(events)
    started = history.first(RunStarted)
    run, scenario = started.run if started else "", read_resolved(folder / "scenario.yaml")
    return Run(
        scenario=scenario,
        events=tuple(events),
        samples=read_samples(folder / "samples"),
        orders=read_orders(folder / "audit.jsonl", run),
        shards=tuple(_shard(path) for path in sorted((folder / "samples").glob("*.shard"))),
        schedule=Schedule.read(folder / "samples" / "load.json"),
        calibration=read_calibration(folder / "calibration.json"),
        ledger=read_ledger(folder / "ledger.jsonl", run),
        stock=read_stock(folder / "stock.jsonl"),
        homes=read_homes(folder / "samples" / "load.json"),
        damage=tuple(damage(folder, history)),
        own_records=read_own_records(folder, scenario),
    )


def read_calibration(path: Path) -> Calibration | None:
    """Read calibration.json; return None if there is none. Raise ValueError if the file isn't a calibration."""
    if not path.is_file():
        return None
    try:
        calibration = json.loads(path.read_text(encoding="utf-8"))
        if calibration["schema"] != CALIBRATION:
            raise ValueError(f"its schema is {calibration['schema']!r}")
        effect, recovered = (
            float(calibration["beyond_spacing_s"][clock]["p95"]) for clock in ("effect", "recovered")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not {CALIBRATION}: {error!r}") from error
    if not (math.isfinite(effect) and math.isfinite(recovered) and min(effect, recovered) >= 0):
        raise ValueError(f"{path}: an error of {effect:g} s and {recovered:g} s isn't one")
    return Calibration(effect, recovered)


def _shard(path: Path) -> Shard:
    held = max(0, (path.stat().st_size - HEADER_BYTES) // RECORD.itemsize)
    return Shard(path.name, ShardReader(path).count(), held)
