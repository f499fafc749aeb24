"""Journal events of telemetry: the SLOs' streams of outcomes, and scrapes of the services' metrics."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class StreamCalibrated(JournalEvent, kind="stream.calibrated", subject="slo"):
    """What an SLO's detectors take for normal: `errors` of `n` outcomes since `since`, `rate` outcomes/s.

    `p0` is the ratio of bad outcomes, `streams` how many streams share the budget of false alarms.
    """

    slo: str
    _: KW_ONLY
    since: float
    n: int
    errors: int
    p0: float
    rate: float
    streams: int


@dataclass(frozen=True)
class RequestsOverdue(JournalEvent, kind="requests.overdue"):
    """The watch found requests that have waited for their answer for long: their planned times and their journeys."""

    _: KW_ONLY
    planned: tuple[float, ...]
    journeys: tuple[str, ...]


@dataclass(frozen=True)
class StreamRearmed(JournalEvent, kind="stream.rearmed"):
    """Detectors may raise again, on requests planned at or after `since`."""

    _: KW_ONLY
    since: float


@dataclass(frozen=True)
class StreamSilent(JournalEvent, kind="stream.silent", subject="slo"):
    """The outcomes of an SLO stopped coming for longer than `patience_s`."""

    slo: str
    _: KW_ONLY
    patience_s: float


@dataclass(frozen=True)
class StreamResumed(JournalEvent, kind="stream.resumed", subject="slo"):
    """The outcomes of an SLO came again."""

    slo: str
    _: KW_ONLY
    patience_s: float


@dataclass(frozen=True)
class Scraped(JournalEvent, kind="scrape", subject="service"):
    """Running totals of a service's `/metrics` over all instances; `missing` names instances that didn't answer."""

    service: str
    _: KW_ONLY
    requests: int
    errors: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class ScrapeFailed(JournalEvent, kind="scrape.failed"):
    """No instance could be scraped."""

    _: KW_ONLY
    why: str
