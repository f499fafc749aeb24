"""Fold over the payloads of an alerting system: raise when an alert begins to fire, once for each time that it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gameday.detect.outside.label_match import Meaning, Parameters, meaning, shown
from gameday.detect.outside.signals import Signal
from gameday.ports import OutsideAlert

MOST_FIRING = 10_000
"""Alerts that are remembered as firing; of more than these the oldest are forgotten."""
LONGEST_SUMMARY = 400


@dataclass(frozen=True)
class Firing:
    """An alert that fires since it was received at `t`."""

    t: float
    signal: Signal
    about: Meaning


class AlertFold:
    """An `OutsideDetector`. `read` turns a payload into signals and raises ValueError if the payload is garbage.

    A `snapshot` lists everything that fires, so that what it lacks has ended. An alert is raised once it has fired for
    `hold` seconds.
    """

    def __init__(
        self,
        parameters: Parameters,
        read: Callable[[bytes], Sequence[Signal]],
        *,
        snapshot: bool = False,
        poll: tuple[str, float] | None = None,
        hold: float = 0.0,
    ) -> None:
        self.parameters = parameters
        self.poll = poll
        self._read = read
        self._snapshot = snapshot
        self._hold = hold
        self._held: dict[str, float] = {}  # key → when it was first seen, of alerts not yet raised
        self._firing: dict[str, Firing] = {}

    @property
    def listen(self) -> str | None:
        return self.parameters.listen

    @property
    def token_env(self) -> str | None:
        return self.parameters.token_env

    @property
    def sources(self) -> tuple[str | None, str | None]:
        """Return the addresses of Prometheus and Alertmanager that may be asked."""
        return self.parameters.prometheus, self.parameters.alertmanager

    def check(self, body: bytes) -> int:
        """Return how many alerts a payload has. Raise ValueError if it isn't a payload of this system."""
        return len(self._read(body))

    def take(self, t: float, body: bytes) -> list[OutsideAlert]:
        """Return what the payload, received at `t`, raises: one alert for each SLO with alerts that began to fire."""
        signals = self._read(body)
        if self._snapshot:
            present = {signal.key for signal in signals if signal.firing}
            self._firing = {key: one for key, one in self._firing.items() if key in present}
            self._held = {key: since for key, since in self._held.items() if key in present}
        begun = [firing for signal in signals if (firing := self._begin(t, signal)) is not None]
        while len(self._firing) > MOST_FIRING:
            del self._firing[next(iter(self._firing))]
        return _by_slo(t, begun)

    def carry_over(self, t: float, since: float) -> list[OutsideAlert]:
        """Return, as raised at `t`, what has been firing since before `since`, when nothing could be raised."""
        early = [firing for firing in self._firing.values() if firing.t < since]
        return [
            replace(alert, summary=f"firing since before the steady state: {alert.summary}")
            for alert in _by_slo(t, early)
        ]

    def _begin(self, t: float, signal: Signal) -> Firing | None:
        """Remember an alert that fires; return it if it didn't before."""
        known = self._firing.get(signal.key)
        if not signal.firing:
            self._firing.pop(signal.key, None)
            self._held.pop(signal.key, None)
            return None
        about = meaning(self.parameters.alerts, signal.labels)
        if about is None or (known is not None and known.signal.starts_at == signal.starts_at):
            return None
        if self._hold and t - self._held.setdefault(signal.key, t) < self._hold:
            return None
        self._held.pop(signal.key, None)
        self._firing[signal.key] = firing = Firing(t, signal, about)
        return firing


def _by_slo(t: float, begun: Sequence[Firing]) -> list[OutsideAlert]:
    """Return one alert for each SLO; its region is the one that all of them share."""
    alerts = []
    for slo in dict.fromkeys(firing.about.slo for firing in begun):
        group = [firing for firing in begun if firing.about.slo == slo]
        regions = {firing.about.region for firing in group}
        first = min(group, key=lambda firing: firing.signal.starts_at or 0.0)
        text = "; ".join(shown(firing.signal, firing.about) for firing in group)
        alerts.append(
            OutsideAlert(
                t=t,
                slo=slo,
                summary=text[:LONGEST_SUMMARY],
                region=regions.pop() if len(regions) == 1 else None,
                name=first.signal.name,
                labels=dict(first.signal.labels),
                starts_at=first.signal.starts_at,
            )
        )
    return alerts
