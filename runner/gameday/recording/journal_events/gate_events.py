"""Journal events of gates: each gate's result for a change that asked to ship."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from gameday.recording.journal_events.event_type import JournalEvent


@dataclass(frozen=True)
class GatePassed(JournalEvent, kind="gate.passed", subject="change"):
    """The gate found nothing in `release`; `took_s` is how long it took."""

    change: str
    _: KW_ONLY
    gate: str
    release: str
    took_s: float


@dataclass(frozen=True)
class GateBlocked(JournalEvent, kind="gate.blocked", subject="change"):
    """The gate found what nobody can approve; `mode` is block, or warn if the change ships all the same.

    A finding is {message, file, line, hint}.
    """

    change: str
    _: KW_ONLY
    gate: str
    release: str
    took_s: float
    mode: str
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class GateNeedsApproval(JournalEvent, kind="gate.needs-approval", subject="change"):
    """The gate found what the roles of `approvals` can let pass; `mode` and `findings` as in `GateBlocked`."""

    change: str
    _: KW_ONLY
    gate: str
    release: str
    took_s: float
    mode: str
    findings: tuple[Mapping[str, Any], ...]
    approvals: tuple[str, ...]


@dataclass(frozen=True)
class ApprovalGiven(JournalEvent, kind="approval.given", subject="change"):
    """Someone, in `role`, approved a change that gates held back, `waited_s` seconds after the gates."""

    change: str
    _: KW_ONLY
    release: str
    role: str
    by: str
    waited_s: float
