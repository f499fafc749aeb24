"""Toxic `latency`: delays every chunk by `latency` ± `jitter` milliseconds from its arrival; the
order is kept."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, DelayLine, Line


@dataclass(frozen=True)
class Latency(Attributes):
    latency: int = 0
    jitter: int = 0

    def stage(self, line: Line) -> LatencyStage:
        return LatencyStage(line, self)

    def draw_s(self) -> float:
        """Return one delay in seconds, uniform over latency ± jitter; never negative."""
        jitter = random.uniform(-self.jitter, self.jitter) if self.jitter > 0 else 0.0  # noqa: S311
        return max(0.0, (self.latency + jitter) / 1000)


class LatencyStage(DelayLine):
    # A delay must not become a limit on throughput: this much may be under way.
    capacity = 64 * 1024 * 1024

    def __init__(self, line: Line, attributes: Latency) -> None:
        super().__init__(line)
        self._attributes = attributes
        self._last_due = 0.0

    def feed(self, data: bytes) -> None:
        self._last_due = max(self._last_due, time.monotonic() + self._attributes.draw_s())
        self.push(self._last_due, data)

    def eof(self) -> None:
        if self.empty:
            self.next.eof()
        else:
            self.push(self._last_due, None)
