"""Clock of a run: every time in journal and samples is in seconds since the run's start.

All processes of a machine share CLOCK_MONOTONIC, so a worker that knows the origin stamps on the same clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A clock that never goes back."""

    def now(self) -> float:
        """Return the seconds since the run's start."""
        ...


@dataclass(frozen=True)
class RunClock:
    """Monotonic seconds since `origin` (a `time.monotonic()` reading); `started` is the same instant as wall time."""

    origin: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> float:
        """Return the seconds since the run's start."""
        return time.monotonic() - self.origin
