"""History of a run from its journal: each fault, change, operation and alert with its later events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from gameday.recording.journal_events import (
    AlertAcknowledged,
    AlertRaised,
    ChangeDone,
    ChangeFailed,
    ChangeStarted,
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    OperationDone,
    OperationFailed,
    OperationIntended,
    PageDelivered,
    PhaseStarted,
)
from gameday.recording.journal_index import JournalIndex

E = TypeVar("E", bound=JournalEvent)


@dataclass(frozen=True)
class RecordedFault:
    """A fault with its later events; None for an event that never came."""

    intended: FaultIntended
    injected: FaultInjected | None
    failed: FaultFailed | None
    reverted: FaultReverted | None

    @property
    def id(self) -> str:
        return self.intended.fault

    @property
    def t(self) -> float:
        """When the injection was ordered."""
        return self.intended.t


@dataclass(frozen=True)
class RecordedChange:
    """A change with its later events; None for an event that never came."""

    started: ChangeStarted
    done: ChangeDone | None
    failed: ChangeFailed | None

    @property
    def id(self) -> str:
        return self.started.change

    @property
    def t(self) -> float:
        """When it began to ship."""
        return self.started.t


@dataclass(frozen=True)
class RecordedOperation:
    """An operation with its later events; None for an event that never came."""

    intended: OperationIntended
    done: OperationDone | None
    failed: OperationFailed | None

    @property
    def id(self) -> str:
        return self.intended.operation

    @property
    def t(self) -> float:
        """When it was ordered."""
        return self.intended.t

    @property
    def end(self) -> OperationDone | OperationFailed | None:
        """Return the event that ended it, or None."""
        return self.done or self.failed


@dataclass(frozen=True)
class RecordedAlert:
    """An alert with its first delivered page and its first acknowledgement; None for an event that
    never came."""

    raised: AlertRaised
    delivered: PageDelivered | None
    acknowledged: AlertAcknowledged | None

    @property
    def id(self) -> str:
        return self.raised.alert

    @property
    def t(self) -> float:
        """When it was raised."""
        return self.raised.t


class RunHistory(JournalIndex):
    """The events of a run, grouped by fault, change, operation and alert, in order of time. Each
    group is built once."""

    @cached_property
    def faults(self) -> tuple[RecordedFault, ...]:
        injected, failed = _by_subject(self.of(FaultInjected)), _by_subject(self.of(FaultFailed))
        reverted = _by_subject(self.of(FaultReverted))
        return tuple(
            RecordedFault(
                event, injected.get(event.fault), failed.get(event.fault), reverted.get(event.fault)
            )
            for event in self.of(FaultIntended)
        )

    @cached_property
    def changes(self) -> tuple[RecordedChange, ...]:
        done, failed = _by_subject(self.of(ChangeDone)), _by_subject(self.of(ChangeFailed))
        return tuple(
            RecordedChange(event, done.get(event.change), failed.get(event.change))
            for event in self.of(ChangeStarted)
        )

    @cached_property
    def operations(self) -> tuple[RecordedOperation, ...]:
        done, failed = _by_subject(self.of(OperationDone)), _by_subject(self.of(OperationFailed))
        return tuple(
            RecordedOperation(event, done.get(event.operation), failed.get(event.operation))
            for event in self.of(OperationIntended)
        )

    @cached_property
    def alerts(self) -> tuple[RecordedAlert, ...]:
        delivered, taken = _by_subject(self.of(PageDelivered)), _by_subject(self.of(AlertAcknowledged))
        return tuple(
            RecordedAlert(event, delivered.get(event.alert), taken.get(event.alert))
            for event in self.of(AlertRaised)
        )

    def change(self, id_: str | None) -> RecordedChange | None:
        """Return the change with this id; None if it never began."""
        return next((change for change in self.changes if change.id == id_), None)

    def fault(self, id_: str) -> RecordedFault | None:
        """Return the fault with this id; None if it was never intended."""
        return next((fault for fault in self.faults if fault.id == id_), None)

    def phase(self, name: str) -> PhaseStarted | None:
        """Return the begin of a phase; None if the run never came so far."""
        return next((event for event in self.of(PhaseStarted) if event.phase == name), None)


def _by_subject(events: Iterable[E]) -> dict[str, E]:
    """Return the first event of each subject."""
    first: dict[str, E] = {}
    for event in events:
        first.setdefault(event.subject, event)
    return first
