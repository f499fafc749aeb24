"""What the fold of a journal remembers of one instance, fault, change, page, operation or note."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class InstanceMark:
    """An instance: `state` is up, stopped or down; `since` in seconds of the run."""

    service: str
    region: str
    release: str
    state: str
    since: float


@dataclass
class FaultMark:
    """A fault of the timeline; None for a stamp that hasn't come."""

    fault: str
    kind: str
    target: str
    region: str | None
    service: str | None
    change: str | None
    defect: str | None
    ordered: float
    links: tuple[str, ...] = ()
    """Names of the links that the fault acts on."""
    injected: float | None = None
    reverted: float | None = None
    failed: str | None = None

    @property
    def active(self) -> bool:
        """Return True from the order to the end of the fault."""
        return self.reverted is None and self.failed is None


@dataclass
class ChangeMark:
    """A change of the feed. `state` is running, done, failed or refused."""

    change: str
    t: float
    service: str
    release: str
    previous: str
    summary: str
    by: str
    author: str
    rollback_of: str | None
    state: str = "running"
    ended: float | None = None


@dataclass
class PageMark:
    """A page; None for a stamp that hasn't come."""

    alert: str
    t: float
    slo: str
    summary: str
    region: str | None
    acknowledged: float | None = None
    acknowledged_by: str = ""
    resolved: float | None = None


@dataclass
class OperationMark:
    """An operation; `state` is running, done or failed."""

    operation: str
    t: float
    name: str
    target: str
    by: str
    state: str = "running"
    ended: float | None = None
    why: str = ""


@dataclass
class NoteMark:
    """A text on the timeline; `by` is a role, or gameday."""

    t: float
    text: str
    by: str
