"""Journal events of a team's own monitoring: payloads as they came, and what an alert waited for.

Times with `_at` are in epoch seconds of the sender's clock; all others are on the run's clock.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class AlertsReceived(JournalEvent, kind="alerts.received", subject="detector"):
    """A payload of alerts arrived for a detector, by `via`: webhook or poll. `body` is its text, unchanged."""

    detector: str
    _: KW_ONLY
    via: str
    body: str


@dataclass(frozen=True)
class AlertsRefused(JournalEvent, kind="alerts.refused", subject="detector"):
    """Payloads for a detector were refused, or a poll failed; only the first of a kind is written."""

    detector: str
    _: KW_ONLY
    why: str


@dataclass(frozen=True)
class AlertsCarriedOver(JournalEvent, kind="alerts.carried_over"):
    """Alerts that have been firing since before `since`, when nothing could be raised, are raised now."""

    _: KW_ONLY
    since: float


@dataclass(frozen=True)
class AlertTraced(JournalEvent, kind="alert.traced", subject="alert"):
    """What an alert from outside waited for, as Prometheus and Alertmanager say; None if they weren't asked or don't say.

    `arrived` is when it reached gameday. `offset_s` is the sender's clock less this machine's, `offset_error_s` the
    most that it may be off. `scrapes_at` are the scrapes of its targets around the alert. `for_s`, the intervals and
    the waits are the settings, in seconds; `expr` is the rule's expression.
    """

    alert: str
    _: KW_ONLY
    name: str
    arrived: float
    starts_at: float | None
    active_at: float | None = None
    scrapes_at: tuple[float, ...] = ()
    offset_s: float | None = None
    offset_error_s: float | None = None
    offset_of: str = ""
    scrape_interval_s: float | None = None
    evaluation_interval_s: float | None = None
    for_s: float | None = None
    group_wait_s: float | None = None
    group_interval_s: float | None = None
    poll_s: float | None = None
    expr: str = ""
    why_unknown: str = ""
