"""Refusal of a change by gates, before anything of it has shipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gameday.operations import Change
from gameday.ports import PortError
from gameday.system.operator_client import Refused

Admit = Callable[[Change, str, Mapping[str, Any] | None], str]
"""(change, strategy, plan) → why the change may not ship; "" if it may. It may wait for approvals."""


class RefusedByGates(Refused):
    """A gate refused the change. It has no status, since no HTTP answer is behind it."""

    def __init__(self, why: str) -> None:
        PortError.__init__(self, why)
        self.status = None


def admit_all(change: Change, strategy: str, plan: Mapping[str, Any] | None) -> str:
    """Admit every change: a scenario without gates."""
    return ""


def check_admission(refusal: str) -> None:
    """Raise RefusedByGates if there is a reason why a change may not ship."""
    if refusal:
        raise RefusedByGates(refusal)
