"""Journal events of faults: intended, then injected or failed, and reverted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class FaultIntended(JournalEvent, kind="fault.intended", subject="fault"):
    """The injection was ordered; `undo` is the plain data that reverts it.

    `entry` is the index in the timeline, None in a calibration. `change` is the id of the change that is the fault,
    `plan` the id of the change that acts on the system as the fault, `defect` what is wrong with its release, `meaning`
    what the fault is on this substrate, if that differs between substrates.
    """

    fault: str
    _: KW_ONLY
    kind: str
    target: str
    region: str | None = None
    service: str | None = None
    entry: int | None = None
    change: str | None = None
    plan: str | None = None
    defect: str | None = None
    meaning: str = ""
    undo: Mapping[str, Any]


@dataclass(frozen=True)
class FaultInjected(JournalEvent, kind="fault.injected", subject="fault"):
    """The system confirmed the fault."""

    fault: str


@dataclass(frozen=True)
class FaultFailed(JournalEvent, kind="fault.failed", subject="fault"):
    """The fault couldn't be injected."""

    fault: str
    _: KW_ONLY
    why: str


@dataclass(frozen=True)
class FaultReverted(JournalEvent, kind="fault.reverted", subject="fault"):
    """The fault is over: by responder, system, schedule or cleanup. `ordered`: when the schedule began to revert it."""

    fault: str
    _: KW_ONLY
    by: str
    ordered: float | None = None
