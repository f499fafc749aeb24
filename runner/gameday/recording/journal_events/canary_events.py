"""Journal events of a canary: each step, what its analysis says, pauses, and its end."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class CanaryStepped(JournalEvent, kind="canary.stepped", subject="change"):
    """From now on, this share of the users gets the change's release."""

    change: str
    _: KW_ONLY
    share: float


@dataclass(frozen=True)
class CanaryJudged(JournalEvent, kind="canary.judged", subject="change"):
    """What the analysis says of a step; see `ports.CanaryVerdict`."""

    change: str
    _: KW_ONLY
    state: str
    why: str
    requests: int
    bad: int
    rest_requests: int
    rest_bad: int
    slower: float | None
    p_latency: float | None


@dataclass(frozen=True)
class CanaryPaused(JournalEvent, kind="canary.paused", subject="change"):
    """The canary stays at its share until a person promotes or aborts it; `by` is a role, or the analysis."""

    change: str
    _: KW_ONLY
    why: str
    by: str


@dataclass(frozen=True)
class CanaryEnded(JournalEvent, kind="canary.ended", subject="change"):
    """The canary was promoted, aborted, or cancelled with its change; `by` is a role, or the analysis."""

    change: str
    _: KW_ONLY
    result: str
    why: str
    by: str
