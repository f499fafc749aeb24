"""Journal events of the response: alerts, pages, acknowledgements and operations."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from gameday.operations import Alert
from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class DiagnosisGiven(JournalEvent, kind="diagnosis.given", subject="culprit"):
    """A person or a program named the cause: the id of a change, or a service; `text` is why."""

    culprit: str
    _: KW_ONLY
    by: str
    text: str = ""


@dataclass(frozen=True)
class SuspectsRanked(JournalEvent, kind="suspects.ranked"):
    """The changes in flight by the odds that they are the cause, each {change, odds}; the likeliest first."""

    suspects: tuple[Any, ...]


@dataclass(frozen=True)
class AlertRaised(JournalEvent, kind="alert.raised", subject="alert"):
    """A detector raised for `slo`; `side` is client or service. `region` and `journey` are None for all of them."""

    alert: str
    _: KW_ONLY
    detector: str
    side: str | None
    pages: bool
    slo: str
    region: str | None
    journey: str | None
    summary: str

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Return the event of an alert, stamped with the time at which it was raised."""
        return cls(
            alert.id,
            detector=alert.detector,
            side=alert.side,
            pages=alert.pages,
            slo=alert.slo,
            region=alert.region,
            journey=alert.journey,
            summary=alert.summary,
            t=alert.t,
        )


@dataclass(frozen=True)
class PageDelivered(JournalEvent, kind="page.delivered", subject="alert"):
    """The receiver `to` took the page of the alert."""

    alert: str
    _: KW_ONLY
    to: str


@dataclass(frozen=True)
class PageFailed(JournalEvent, kind="page.failed", subject="alert"):
    """A message to the receiver `to` failed: `action` is trigger, acknowledge or resolve."""

    alert: str
    _: KW_ONLY
    to: str
    action: str = ""
    why: str


@dataclass(frozen=True)
class AlertResolved(JournalEvent, kind="alert.resolved", subject="alert"):
    """The page of the alert was resolved."""

    alert: str
    _: KW_ONLY
    by: str


@dataclass(frozen=True)
class AlertAcknowledged(JournalEvent, kind="ack", subject="alert"):
    """A responder took the alert."""

    alert: str
    _: KW_ONLY
    by: str


@dataclass(frozen=True)
class OperationIntended(JournalEvent, kind="operation.intended", subject="operation"):
    """An operation was ordered; `change` is the id of the change that a rollback names."""

    operation: str
    _: KW_ONLY
    name: str
    target: str
    by: str
    change: str | None


@dataclass(frozen=True)
class OperationDone(JournalEvent, kind="operation.done", subject="operation"):
    """The operation was carried out; `change` is the change that a rollback took back."""

    operation: str
    _: KW_ONLY
    change: str | None = None


@dataclass(frozen=True)
class OperationFailed(JournalEvent, kind="operation.failed", subject="operation"):
    """The operation failed."""

    operation: str
    _: KW_ONLY
    why: str
