"""The Protocols of telemetry and of detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gameday.operations import Alert


class Detector(Protocol):
    """A fold over single outcomes in arrival order."""

    def observe(self, t: float, good: bool) -> bool:
        """Return True if this outcome raises the alarm. After that, stay quiet until `reset`."""
        ...

    def reset(self) -> None: ...


@dataclass(frozen=True)
class OutsideAlert:
    """An alert of a team's own monitoring, received at `t` and mapped to an SLO.

    `name` is its rule's; `starts_at` is its sender's own stamp, in epoch seconds of the sender's clock.
    """

    t: float
    slo: str
    summary: str
    region: str | None = None
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    starts_at: float | None = None


class TooManyAlerts(Exception):
    """No more payloads of alerts are taken now; the text says why."""


class OutsideDetector(Protocol):
    """A fold over payloads of a team's own monitoring, in order of arrival.

    `poll` is (URL, seconds between two polls), None if payloads are sent to a webhook. `listen` is another address of
    the webhook, whose token is in the environment variable `token_env`. `sources` are the addresses of Prometheus and
    Alertmanager, which may be asked what an alert waited for.
    """

    @property
    def poll(self) -> tuple[str, float] | None: ...

    @property
    def listen(self) -> str | None: ...

    @property
    def token_env(self) -> str | None: ...

    @property
    def sources(self) -> tuple[str | None, str | None]: ...

    def check(self, body: bytes) -> int:
        """Return how many alerts a payload has. Raise ValueError if it can't be read. Thread-safe."""
        ...

    def take(self, t: float, body: bytes) -> Sequence[OutsideAlert]:
        """Return what the payload raises. Raise ValueError as `check` does."""
        ...

    def carry_over(self, t: float, since: float) -> Sequence[OutsideAlert]:
        """Return, as raised at `t`, what has been firing since before `since`."""
        ...


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
