"""The one clock of a run. Every stamp in journal and samples is seconds since the run's start on it.

CLOCK_MONOTONIC is shared by all processes of a machine, so a worker that is told the origin stamps on the same clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds since the run's start; never goes back."""

    def now(self) -> float: ...


@dataclass(frozen=True)
class RunClock:
    """Monotonic seconds since `origin` (a `time.monotonic()` reading); `started` is the same instant as wall time."""

    origin: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> float:
        return time.monotonic() - self.origin
