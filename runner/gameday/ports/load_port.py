"""The Protocol of the load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gameday.recording.journal_events import LoadStopped


class Load(Protocol):
    """Sends the planned requests to the edge."""

    def start(self, target: str) -> float:
        """Begin to send; return the planned time of the first request, in seconds since the run's start."""
        ...

    def stop(self) -> LoadStopped:
        """End sending, wait for answers up to the time-out, close the shards; return the journal's event."""
        ...

    def alive(self) -> str | None:
        """Return None while the workers run, else why they don't."""
        ...

    def surge(self, factor: float) -> None:
        """Send `factor` times the planned rate from now on; 1 is as planned."""
        ...

    def retry(self, attempts: int) -> None:
        """Let clients retry a failed request at once, up to `attempts` times; 0 is as planned."""
        ...

    def shards(self) -> Sequence[Path]: ...
