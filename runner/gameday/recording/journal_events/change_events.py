"""Journal events of changes: started, each instance replaced, then done or failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from gameday.operations import Change
from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class ChangeStarted(JournalEvent, kind="change.started", subject="change"):
    """A change began to ship `release` in place of `previous`.

    `author` and each of `approvals` are {role, level}, or words; `ai` is {tool, model, prompt} or words, None or False
    if no AI had part.
    `by` is who shipped it, `rollback_of` the id of the change that it takes back. `plan`: what an automation is
    about to delete and create.
    """

    change: str
    _: KW_ONLY
    service: str
    version: str
    kind: str
    summary: str
    author: Mapping[str, Any] | str | None
    ai: Mapping[str, Any] | str | bool | None
    approvals: tuple[Any, ...] | None
    reversible: bool | None
    migration: str | None
    by: str
    release: str
    previous: str
    strategy: str
    rollback_of: str | None
    plan: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, change: Change, strategy: str, about: Mapping[str, Any]) -> Self:
        """Return the event of a change; `about` is its release.yaml, with `by` and `summary` of the change."""
        return cls(
            change.id,
            service=change.service,
            version=about.get("version", ""),
            kind=about["kind"],
            summary=about["summary"],
            author=about.get("author"),
            ai=about.get("ai"),
            approvals=tuple(about.get("approvals", ())),
            reversible=about.get("reversible"),
            migration=about.get("migration"),
            by=about["by"],
            release=change.release,
            previous=change.previous,
            strategy=strategy,
            rollback_of=change.rollback_of,
        )


@dataclass(frozen=True)
class ChangeReplaced(JournalEvent, kind="change.replaced", subject="change"):
    """The instance `old` was replaced by `instance`, which runs `release`."""

    change: str
    _: KW_ONLY
    instance: str
    release: str
    old: str


@dataclass(frozen=True)
class ChangeDone(JournalEvent, kind="change.done", subject="change"):
    """Every instance runs the release; `cancelled` if the rollout was ended before that."""

    change: str
    _: KW_ONLY
    cancelled: bool


@dataclass(frozen=True)
class ChangeFailed(JournalEvent, kind="change.failed", subject="change"):
    """The change failed; `refused` if the system itself said no and nothing was done, with its HTTP `status`."""

    change: str
    _: KW_ONLY
    why: str
    refused: bool = False
    status: int | None = None
