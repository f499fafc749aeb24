"""Toxic `bandwidth`: passes `rate` kilobytes (1,000 bytes) a second; a rate of 0 passes no data."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import READ_BYTES, Attributes, DelayLine, Holding, Line

# A chunk that takes longer than this is passed on in parts, so that data keeps trickling.
_PART_S = 0.1


@dataclass(frozen=True)
class Bandwidth(Attributes):
    rate: int = 0

    def stage(self, line: Line) -> BandwidthStage:
        return BandwidthStage(line, self)


class BandwidthStage(DelayLine):
    def __init__(self, line: Line, attributes: Bandwidth) -> None:
        super().__init__(line)
        self._bytes_per_s = max(0, attributes.rate) * 1000
        self._part = min(READ_BYTES, max(1, int(self._bytes_per_s * _PART_S)))
        self._free_at = 0.0
        self.capacity = max(Holding.capacity, self._part)

    def feed(self, data: bytes) -> None:
        if not self._bytes_per_s:
            self._free_at = math.inf
            self.push(math.inf, data)
            return
        self._free_at = max(self._free_at, time.monotonic())
        for start in range(0, len(data), self._part):
            part = data[start : start + self._part]
            self._free_at += len(part) / self._bytes_per_s
            self.push(self._free_at, part)

    def eof(self) -> None:
        if self.empty:
            self.next.eof()
        else:
            self.push(self._free_at, None)
