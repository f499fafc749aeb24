"""The Protocols of telemetry and of detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gameday.operations import Alert


class Detector(Protocol):
    """A fold over single outcomes in arrival order."""

    def observe(self, t: float, good: bool) -> bool:
        """Return True if this outcome raises the alarm. After that, stay quiet until `reset`."""
        ...

    def reset(self) -> None: ...


class Telemetry(Protocol):
    """Watches samples and scrapes, and feeds the detectors."""

    def start(
        self, shards: Sequence[Path], addresses: Callable[[], Mapping[str, tuple[str, int]]]
    ) -> None: ...

    def poll(self, now: float) -> Sequence[Alert]:
        """Read what is new; return the alerts that it raised."""
        ...

    def calibrate(self, since: float) -> None:
        """Set each detector's p0 from the outcomes since `since`."""
        ...

    def rearm(self, since: float) -> None:
        """Let quiet detectors raise again, on requests planned at or after `since`."""
        ...

    def stop(self) -> None: ...
